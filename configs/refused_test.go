package configs

import (
	"os"
	"strings"
	"testing"
)

// TestRefused reads testdata/refused.txt: "=== name", a bad file, "--->", and the exact message.
func TestRefused(t *testing.T) {
	setHome(t)
	text, err := os.ReadFile("testdata/refused.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := strings.Split("\n"+strings.ReplaceAll(string(text), "\r\n", "\n"), "\n=== ")[1:]
	if len(cases) < 105 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		name, rest, _ := strings.Cut(c, "\n")
		file, want, ok := strings.Cut(rest, "\n--->\n")
		if !ok {
			t.Fatalf("%s: no message", name)
		}
		t.Run(name, func(t *testing.T) {
			got, err := Parse([]byte(file + "\n"))
			if err == nil {
				t.Fatalf("accepted as %+v", got)
			}
			if err.Error() != strings.TrimSuffix(want, "\n") {
				t.Errorf("got\n%v\nwant\n%s", err, want)
			}
			if strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("the message repeats a secret: %v", err)
			}
		})
	}
}

func TestTooLarge(t *testing.T) {
	_, err := Parse([]byte(strings.Repeat("# a long comment\n", maxFile/17+1)))
	if want := "the file is larger than 256KiB"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
