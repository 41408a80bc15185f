package configs

import "time"

// Token says where tokens for distribution points come from and how they are presented.
type Token struct {
	// Sources are asked in this order; the next one only when one has no token. Default: request,
	// task_sequence, management_point, gateway.
	Sources []TokenSource `yaml:"sources"`
	// HeaderName is the request header that carries a token. What Configuration Manager uses is not public: this is a
	// setting and not a fact. Default "Authorization".
	HeaderName string `yaml:"header_name"`
	// HeaderFormat is the header's value; it has {token} exactly once. Not public either. Default "Bearer {token}".
	HeaderFormat string `yaml:"header_format"`
	// CredentialHeaders are the names of further request headers that carry a credential when a client sends them, besides
	// Authorization and HeaderName. Default none.
	CredentialHeaders []string `yaml:"credential_headers"`
	// MaxAge is how long a token that does not tell its own expiry is used. Default 8h; at least 1s.
	MaxAge Duration `yaml:"max_age"`
	// RefreshBefore is how long before its expiry a token is replaced. Default 5m; less than MaxAge. Zero: at expiry.
	RefreshBefore Duration `yaml:"refresh_before"`
	// Vdirs are the virtual directories that take a token: plain, no_cert, token_auth; at least one. Default token_auth.
	Vdirs []string `yaml:"vdirs"`
}

// TokenSource is one place where a token may be found.
type TokenSource struct {
	// Type is one of the constants below. Required. File and command can be there several times.
	Type string `yaml:"type"`
	// Env is the variable that holds the token, for task_sequence only. Default _SMSTSDPAuthToken.
	Env string `yaml:"env,omitempty"`
	// File is the path of a file that holds the token and nothing else. Required for file, refused otherwise.
	File string `yaml:"file,omitempty"`
	// Command is a program and its arguments; it prints the token. No shell is involved. A program without a slash is
	// searched for where the system does. Required for command, refused otherwise.
	Command []string `yaml:"command,omitempty"`
	// Timeout bounds the command. For command only, refused otherwise. Less than 30s. Default, and zero: 10s.
	Timeout Duration `yaml:"timeout,omitempty"`
}

const (
	// SourceRequest is the token that a client presented in its own request.
	SourceRequest = "request"
	// SourceTaskSequence is the variable of a running task sequence.
	SourceTaskSequence = "task_sequence"
	// SourceManagementPoint is the site's management point. It is left out where there is no site.
	SourceManagementPoint = "management_point"
	// SourceGateway is the management point behind the site's gateway. It is left out where there is none.
	SourceGateway = "gateway"
	// SourceFile is a file.
	SourceFile = "file"
	// SourceCommand is the output of a program.
	SourceCommand = "command"
)

// defaultCommandTimeout is how long a token command may run if nothing else is said.
const defaultCommandTimeout = Duration(10 * time.Second)

// complete fills the defaults that depend on the type.
func (s *TokenSource) complete() {
	if s.Type == SourceTaskSequence && s.Env == "" {
		// Not documented; its name is known from scripts that hide task-sequence secrets, and from the documentation of
		// third-party content clients.
		s.Env = "_SMSTSDPAuthToken"
	}
	if s.Type == SourceCommand && s.Timeout == 0 {
		s.Timeout = defaultCommandTimeout
	}
}
