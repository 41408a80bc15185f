package main

import (
	"fmt"
	"os"
	"strings"
)

// tokenFlag says where the admin API is, and how to show that one may change something there.
type tokenFlag struct {
	apiFlag
	TokenFile string `help:"The file with the token of the admin API. Default: what the configuration says." placeholder:"FILE"`
}

// token reads the token of the admin API.
func (f tokenFlag) token() (string, error) {
	file := f.TokenFile
	if file == "" {
		config, err := f.load()
		if err != nil {
			return "", err
		}
		file = config.Admin.TokenFile
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading the token of the admin API: %w (whoever runs Branchpoint may read it)", err)
	}
	return strings.TrimSpace(string(text)), nil
}
