package configs

// DPToken says where the answers of a site have the token for its distribution points. No public source shows it: an
// administrator who has seen the messages of a site completes it.
type DPToken struct {
	// Delivery is the way: location-reply, token-manager, token-services or sts. Default location-reply.
	Delivery string `yaml:"delivery"`
	// Paths are where an answer holds the token, the first that has something counts: Root/Child/@Attribute, or //Name. Default:
	// any element or attribute with one of the names that suggest themselves.
	Paths []string `yaml:"paths"`
	// ExpiryPaths are where it says how long the token is good. Default: nowhere.
	ExpiryPaths []string `yaml:"expiry_paths"`
	// Body is the message of token-manager and token-services, with {SMSID}, {SITECODE}, {HOST} and {TIME}. Default: a guess.
	Body string `yaml:"body"`
	// Decode is how the token is wrapped: none, base64, hex or cms-enveloped. Default none.
	Decode string `yaml:"decode"`
	// MaxAge is how long a token is used at most. Default 8h; more than zero.
	MaxAge Duration `yaml:"max_age"`
}

// STS says how a token of Microsoft Entra, or a bulk registration token, is exchanged for a CCM token. Public is that CCM_STS
// does it over HTTPS; verb, carriage and reply are not.
type STS struct {
	// Method is the verb. Default GET; the other candidate is POST.
	Method string `yaml:"method"`
	// Path is the service. Default /CCM_STS.
	Path string `yaml:"path"`
	// Carriage is the part of the request that carries the token: header or body. Default header.
	Carriage string `yaml:"carriage"`
	// Carrier is how it goes into the header.
	Carrier Carrier `yaml:"carrier"`
	// Body is how it goes into the body, with {token} exactly once. Default: the token alone.
	Body string `yaml:"body"`
	// ContentType is that of the body. Default text/plain.
	ContentType string `yaml:"content_type"`
	// Reply is where the answer has the CCM token: body, json:a.b, xml:Path or header:Name. Default body.
	Reply string `yaml:"reply"`
	// Expiry is where it has the time at which that token ends, in the same way. Default: the token says so itself.
	Expiry string `yaml:"expiry"`
	// MaxAge is how long a CCM token is used at most. Default 8h; more than zero.
	MaxAge Duration `yaml:"max_age"`
}
