package entra

import (
	"context"
	"fmt"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/managedidentity"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"branchpoint/tokenbroker/keypair"
	"branchpoint/tokenbroker/secretfile"
)

// This file is all that knows Microsoft's library (MSAL). What matters in dealing with it:
//   - It keeps tokens itself, and would give out one again that a server refused. So it is given no chance to: see below.
//   - Its errors quote whole answers, which may hold tokens. None of their text is used: see failure.
//   - It reads answers of any length, and follows redirects. Its HTTP client is ours, and does neither: see fence.
//   - Asking Microsoft whether an authority is one (instance discovery) is left out: the administrator named it, and a
//     branch may not reach Microsoft's host.

// newCredentials gets tokens of an application. Each comes from a client of its own, which has kept none.
func newCredentials(config Config) (func(context.Context) (answer, error), error) {
	if _, err := credential(config); err != nil {
		return nil, err
	}
	http := newClient(config)
	return func(ctx context.Context) (answer, error) {
		shown, err := credential(config)
		if err != nil {
			return answer{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		client, err := confidential.New(config.authority(), config.ClientID, shown,
			confidential.WithHTTPClient(http), confidential.WithInstanceDiscovery(false),
			confidential.WithAzureRegion("DisableMsalForceRegion")) // whatever the environment says
		if err != nil {
			return answer{}, err
		}
		got, err := client.AcquireTokenByCredential(ctx, []string{config.scope()})
		return newAnswer(got.AccessToken, got.ExpiresOn), err
	}, nil
}

// credential is what the application shows. The errors name files, and hold nothing of them.
func credential(config Config) (confidential.Credential, error) {
	if config.SecretFile != "" {
		secret, err := secretfile.GivenLine(config.SecretFile)
		if err != nil {
			return confidential.Credential{}, fmt.Errorf("reading the secret of the application: %w", err)
		}
		return confidential.NewCredFromSecret(secret)
	}
	pair, err := keypair.PEM(config.CertificateFile, config.KeyFile)
	if err != nil {
		return confidential.Credential{}, err
	}
	return confidential.NewCredFromCert(pair.Chain, pair.Key.Reveal())
}

// newManaged gets tokens of the identity of this machine. The library keeps them in one place for the whole process; to name
// claims, even none, has it not look there.
func newManaged(config Config) (func(context.Context) (answer, error), error) {
	var who managedidentity.ID = managedidentity.SystemAssigned()
	if config.ClientID != "" {
		who = managedidentity.UserAssignedClientID(config.ClientID)
	}
	client, err := managedidentity.New(who, managedidentity.WithHTTPClient(newClient(config)), managedidentity.WithRetryPolicyDisabled())
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (answer, error) {
		got, err := client.AcquireToken(ctx, config.Resource, managedidentity.WithClaims("{}"))
		return newAnswer(got.AccessToken, got.ExpiresOn), err
	}, nil
}

// flow is how a person signs in.
type flow struct {
	client public.Client
	scopes []string
}

func newFlow(config Config, kept *memory) (flow, error) {
	client, err := public.New(config.ClientID, public.WithAuthority(config.authority()),
		public.WithHTTPClient(newClient(config)), public.WithInstanceDiscovery(false), public.WithCache(accessor{kept}))
	return flow{client, []string{config.scope()}}, err
}

// silent gets a token by what an earlier sign-in is good for. The error is errNobody when it is good for nothing, or nobody
// signed in.
func (f flow) silent(ctx context.Context) (answer, error) {
	accounts, err := f.client.Accounts(ctx)
	if err != nil {
		return answer{}, err
	}
	if len(accounts) == 0 {
		return answer{}, errNobody
	}
	got, err := f.client.AcquireTokenSilent(ctx, f.scopes, public.WithSilentAccount(accounts[0]))
	if seen := noted(ctx).last(); err != nil && (!seen.asked || seen.needsPerson()) {
		return answer{}, errNobody
	}
	return newAnswer(got.AccessToken, got.ExpiresOn), err
}

// begin asks for a code. The function that it returns waits until somebody has entered it, or it has ended.
func (f flow) begin(ctx context.Context) (SignIn, func(context.Context) (answer, error), error) {
	code, err := f.client.AcquireTokenByDeviceCode(ctx, f.scopes)
	if err != nil {
		return SignIn{}, nil, err
	}
	shown, err := newSignIn(code.Result.VerificationURL, code.Result.UserCode, code.Result.ExpiresOn)
	return shown, func(ctx context.Context) (answer, error) {
		got, err := code.AuthenticationResult(ctx)
		return newAnswer(got.AccessToken, got.ExpiresOn), err
	}, err
}

// accessor is the memory as the library wants it. It is overwritten with what it has before each use, so that access tokens,
// which the memory does not take, are gone.
type accessor struct{ *memory }

var _ cache.ExportReplace = accessor{}

// Replace fills the library's cache.
func (a accessor) Replace(_ context.Context, c cache.Unmarshaler, _ cache.ReplaceHints) error {
	return c.Unmarshal(a.load())
}

// Export keeps what is in the library's cache.
func (a accessor) Export(_ context.Context, c cache.Marshaler, _ cache.ExportHints) error {
	text, err := c.Marshal()
	if err != nil {
		return err
	}
	return a.keep(text)
}
