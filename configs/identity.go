package configs

// Identity is who this machine is to its site: a key with a certificate that it makes itself, or one of a public key
// infrastructure.
type Identity struct {
	// Directory holds the key, the certificate and the client id, which `branchpoint identity register` makes. Default:
	// branchpoint/identity in the user's configuration directory; without such a directory, identity beside the cache directory.
	Directory string `yaml:"directory"`
	// PFXFile is a PKCS #12 file with key and certificate; PasswordFile holds its password and nothing else. Default none.
	PFXFile      string `yaml:"pfx_file"`
	PasswordFile string `yaml:"password_file"`
	// CertificateFile and KeyFile are PEM files, instead of PFXFile. Default none.
	CertificateFile string `yaml:"certificate_file"`
	KeyFile         string `yaml:"key_file"`
	// Store chooses a certificate of the machine's store, on Windows. Default none.
	Store CertificateStore `yaml:"store"`
}

// CertificateStore chooses a certificate by one of its properties.
type CertificateStore struct {
	// Issuer and Subject are common names; Thumbprint is the SHA-1 of the certificate in hexadecimal.
	Issuer     string `yaml:"issuer"`
	Subject    string `yaml:"subject"`
	Thumbprint string `yaml:"thumbprint"`
}

// Issued says whether the certificate is one of a public key infrastructure.
func (i Identity) Issued() bool {
	return i.PFXFile != "" || i.CertificateFile != "" || i.Store != (CertificateStore{})
}

const (
	// EntraNone has no token of Microsoft Entra.
	EntraNone = "none"
	// EntraClientCredentials is an application that shows a secret or a certificate.
	EntraClientCredentials = "client_credentials"
	// EntraManagedIdentity is the identity that Azure gives a machine.
	EntraManagedIdentity = "managed_identity"
	// EntraDeviceCode has a person log in elsewhere.
	EntraDeviceCode = "device_code"
	// EntraFile is a token in a file.
	EntraFile = "file"
	// EntraCommand is the output of a program.
	EntraCommand = "command"
)

// Entra says where a token of Microsoft Entra comes from, which is exchanged for a CCM token.
type Entra struct {
	// Type is one of the constants above. Default none.
	Type string `yaml:"type"`
	// Tenant is the directory and ClientID the application. Required for client_credentials and device_code; for
	// managed_identity ClientID chooses one that a user assigned.
	Tenant   string `yaml:"tenant"`
	ClientID string `yaml:"client_id"`
	// SecretFile holds the secret of the application and nothing else; CertificateFile and KeyFile are PEM files. One of both is
	// required for client_credentials.
	SecretFile      string `yaml:"secret_file"`
	CertificateFile string `yaml:"certificate_file"`
	KeyFile         string `yaml:"key_file"`
	// Resource is what the token is for. Default https://ConfigMgrService, the one that clients log.
	Resource string `yaml:"resource"`
	// Authority is where tokens are issued. Default https://login.microsoftonline.com.
	Authority string `yaml:"authority"`
	// File holds the token and nothing else. Required for file.
	File string `yaml:"file"`
	// Command is a program and its arguments; it prints the token. No shell is involved. Required for command.
	Command []string `yaml:"command"`
	// Timeout bounds one attempt, whatever the type. Default 10s; more than zero.
	Timeout Duration `yaml:"timeout"`
}

func defaultEntra() Entra {
	return Entra{
		Type: EntraNone, Resource: "https://ConfigMgrService", Authority: "https://login.microsoftonline.com",
		Timeout: defaultCommandTimeout,
	}
}
