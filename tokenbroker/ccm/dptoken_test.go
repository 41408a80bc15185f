package ccm

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"
)

// oneToken is a source with a token, or an error.
type oneToken struct {
	token     Token
	err       error
	forgotten int
	asked     int
}

func (o *oneToken) Token(context.Context) (Token, error) { o.asked++; return o.token, o.err }
func (o *oneToken) Forget(Token)                         { o.forgotten++ }

// TestDPTokenDelivery runs each form in which the token may come. The form is in the name: none is known to be CM's.
func TestDPTokenDelivery(t *testing.T) {
	v, _ := readEnveloped(t)
	at := record("https://dp01/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015", "SUBNET", capabilities("0", "1024"), "<!---->")
	inRecord := strings.Replace(at, "<!---->", "<AccessToken>"+canary+"</AccessToken>", 1)
	onReply := strings.Replace(locationReply(inSite("LOCAL", at)), " SchemaVersion", ` DPToken="`+canary+`" SchemaVersion`, 1)
	for _, c := range []struct {
		name     string
		settings DPTokenSettings
		answer   string
		want     string
		err      error
		endpoint string
		body     string
	}{
		{name: "A: attribute of the location reply", answer: onReply, want: canary, endpoint: "MP_LocationManager"},
		{name: "A: element of a location record", answer: locationReply(inSite("LOCAL", at, inRecord)), want: canary, endpoint: "MP_LocationManager"},
		{name: "A: at a path of the settings", settings: DPTokenSettings{Paths: []string{"//Site/Secret/@v"}},
			answer: strings.Replace(locationReply(inSite("LOCAL", at)), "<LocationRecords>", `<Secret v="`+canary+`"/><LocationRecords>`, 1), want: canary, endpoint: "MP_LocationManager"},
		{name: "A: none", answer: locationReply(inSite("LOCAL", at)), err: ErrNoToken, endpoint: "MP_LocationManager"},
		{name: "A: no token at all", answer: strings.Replace(onReply, canary, "a&#10;b", 1), err: ErrNoToken, endpoint: "MP_LocationManager"},
		{name: "A: refused", answer: "", err: ErrRefused, endpoint: "MP_LocationManager"},
		{name: "B: MP_TokenManager", settings: DPTokenSettings{Delivery: ByTokenManager}, answer: `<TokenReply><Token>` + canary + `</Token></TokenReply>`, want: canary,
			endpoint: "MP_TokenManager", body: `<TokenRequest SchemaVersion="1.00"><ClientID>` + testSMSID + `</ClientID><SiteCode Name="PS1"/></TokenRequest>`},
		{name: "B: a message of the settings", settings: DPTokenSettings{Delivery: ByTokenManager, Body: `<X i="{SMSID}" h="{HOST}" t="{TIME}"/>`}, answer: `<Y Token="` + canary + `"/>`, want: canary,
			endpoint: "MP_TokenManager", body: `<X i="` + testSMSID + `" h="BOX01" t="2024-01-02T03:04:05Z"/>`},
		{name: "B: none", settings: DPTokenSettings{Delivery: ByTokenManager}, answer: `<TokenReply/>`, err: ErrNoToken, endpoint: "MP_TokenManager"},
		{name: "B: no token at all", settings: DPTokenSettings{Delivery: ByTokenManager, Decode: Hex}, answer: `<TokenReply Token="xyz"/>`, err: ErrNoToken, endpoint: "MP_TokenManager"},
		{name: "C: TokenServicesRequest", settings: DPTokenSettings{Delivery: ByTokenServices}, answer: `<TokenServicesReply AccessToken="` + canary + `"/>`, want: canary,
			endpoint: "MP_LocationManager", body: `<TokenServicesRequest SchemaVersion="1.00"><ClientID>` + testSMSID + `</ClientID><SiteCode Name="PS1"/></TokenServicesRequest>`},
		{name: "C: base64", settings: DPTokenSettings{Delivery: ByTokenServices, Decode: Base64}, answer: `<R Token="` + base64.URLEncoding.EncodeToString([]byte(canary)) + `"/>`, want: canary, endpoint: "MP_LocationManager"},
		{name: "C: base64 of UTF-16 with line breaks", settings: DPTokenSettings{Delivery: ByTokenServices, Decode: Base64}, answer: "<R><Token>" + base64.StdEncoding.EncodeToString(utf16le(canary, true))[:20] + "\r\n" + base64.StdEncoding.EncodeToString(utf16le(canary, true))[20:] + "</Token></R>", want: canary, endpoint: "MP_LocationManager"},
		{name: "C: hexadecimal", settings: DPTokenSettings{Delivery: ByTokenServices, Decode: Hex}, answer: `<R Token="` + hex.EncodeToString([]byte(canary)) + `"/>`, want: canary, endpoint: "MP_LocationManager"},
		{name: "C: encrypted to us, in hexadecimal", settings: DPTokenSettings{Delivery: ByTokenServices, Decode: Enveloped}, answer: `<R Token="` + v.Messages["aes256"] + `"/>`, want: envelopedToken, endpoint: "MP_LocationManager"},
		{name: "C: encrypted to us, in base64", settings: DPTokenSettings{Delivery: ByTokenServices, Decode: Enveloped}, answer: `<R Token="` + base64.StdEncoding.EncodeToString(unhex(t, v.Messages["des3"])) + `"/>`, want: envelopedToken, endpoint: "MP_LocationManager"},
		{name: "C: encrypted to someone else", settings: DPTokenSettings{Delivery: ByTokenServices, Decode: Enveloped}, answer: `<R Token="` + v.Messages["other"] + `"/>`, err: ErrNoToken, endpoint: "MP_LocationManager"},
		{name: "D: the CCM token", settings: DPTokenSettings{Delivery: BySTS, STS: &oneToken{token: testToken(t, canary)}}, want: canary},
		{name: "D: refused", settings: DPTokenSettings{Delivery: BySTS, STS: &oneToken{err: ErrExpired}}, err: ErrExpired},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
			s := newSite(t, func(received) string { return c.answer })
			_, identity := readEnveloped(t)
			client := testClient(t, s, func(config *Config) {
				config.DPToken, config.Now, config.Identity = c.settings, func() time.Time { return now }, identity
			})
			got, err := client.DPToken(t.Context(), Content{Package, "PS100015", 1}, Place{})
			if got.Reveal() != c.want || !errors.Is(err, c.err) {
				t.Fatalf("got %q (%v), want %q (%v)", got.Reveal(), err, c.want, c.err)
			}
			if err == nil && !got.Expires.Equal(now.Add(8*time.Hour)) {
				t.Errorf("expires at %v, want in 8 hours", got.Expires)
			}
			clean(t, "the error", err, canary)
			if c.endpoint == "" {
				client.ForgetDPToken(got)
				if sts := c.settings.STS.(*oneToken); len(s.messages()) != 0 || sts.asked != 1 || sts.forgotten != 1 {
					t.Errorf("the STS was asked %d times and told %d times, the site %d", sts.asked, sts.forgotten, len(s.messages()))
				}
				return
			}
			m := s.messages()[0]
			if m.envelope.TargetEndpoint != c.endpoint || !m.signed(identity.public) || c.body != "" && m.body != c.body {
				t.Errorf("asked %s for %s", m.envelope.TargetEndpoint, m.body)
			}
		})
	}
}

// TestTokensOfLocations checks which token belongs to which location.
func TestTokensOfLocations(t *testing.T) {
	mine := func(n, more string) string {
		return record("https://dp"+n+"/x", "SUBNET", capabilities("0", "1024"), more)
	}
	reply := strings.Replace(locationReply(inSite("LOCAL", mine("1", `<Token>one</Token>`), mine("2", ""), mine("3", `<Auth><Token>three</Token><Token>late</Token></Auth>`), mine("4", "<Token>\u00e4</Token>"))),
		"<RelatedContentIDs/>", `<Token>all</Token><Token>late</Token>`, 1)
	l := readLocations(t, reply, LocationSettings{}, DPTokenSettings{})
	var got []string
	for _, at := range l.List {
		got = append(got, at.Token.Reveal())
	}
	if strings.Join(got, ",") != "one,,three," || l.Token.Reveal() != "all" || !errors.Is(l.TokenError, errNotAToken) {
		t.Errorf("the locations have %q, all %q (%v)", got, l.Token.Reveal(), l.TokenError)
	}
	if l := readLocations(t, reply, LocationSettings{}, DPTokenSettings{Delivery: ByTokenManager}); !l.Token.IsZero() || !l.List[0].Token.IsZero() {
		t.Error("tokens are taken from where the settings do not look for them")
	}
}

// TestDPTokenIsTheSites checks that the token of a cloud location, which has another audience, is not given for the site's.
func TestDPTokenIsTheSites(t *testing.T) {
	cloud := record("https://cmg.example.org/downloadrestservice.svc/getcontentxmlsecure", "SUBNET", "", "<Token>cloud</Token>")
	own := record("https://dp01/x", "LOCAL", "", "<Token>own</Token>")
	bare := record("https://dp02/x", "LOCAL", "", "")
	for _, c := range []struct {
		name, reply, want string
		err               error
	}{
		{"only the cloud has one", locationReply(inSite("LOCAL", cloud, bare)), "", ErrNoToken},
		{"the cloud is nearer", locationReply(inSite("LOCAL", cloud, bare, own)), "own", nil},
		{"the answer has one", strings.Replace(locationReply(inSite("LOCAL", cloud)), "<RelatedContentIDs/>", "<Token>all</Token>", 1), "all", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, func(received) string { return c.reply })
			got, err := testClient(t, s, nil).DPToken(t.Context(), Content{}, Place{})
			if got.Reveal() != c.want || !errors.Is(err, c.err) {
				t.Errorf("got %q (%v), want %q (%v)", got.Reveal(), err, c.want, c.err)
			}
		})
	}
}

// TestTokensOfTheCloud checks that cloud locations keep what came with them however the site's token is delivered, and that
// neither is taken for the other.
func TestTokensOfTheCloud(t *testing.T) {
	const gateway = "https://cmg.example.org/downloadrestservice.svc/getcontentxmlsecure?pid=PS100015"
	held := func(token string) string {
		return `<Held Until="3600">` + hex.EncodeToString([]byte(token)) + `</Held>`
	}
	byType := strings.Replace(record("https://cloud/x", "3", "", held("of its type")), "SERVER", "CLOUD", 1)
	both := strings.Replace(record(gateway, "4", "", held("of both")), "<ADSite", `<URL Name="https://dp4/x"/><ADSite`, 1)
	ours := locationReply(inSite("LOCAL", record("https://dp1/x", "1", "", held("of a record")), record(gateway, "2", "", held("of the gateway")), byType, both))
	ours = strings.Replace(ours, "<RelatedContentIDs/>", held("of all"), 1)
	spoilt := strings.Replace(ours, held("of a record"), `<Held>no hex</Held>`, 1)
	inSiteOnly := strings.Replace(locationReply(inSite("LOCAL", record("https://dp1/x", "1", "", ""))), "<LocationRecords>", held("of the site")+"<LocationRecords>", 1)
	spoiltCloud := strings.Replace(ours, held("of the gateway"), `<Held>no hex</Held>`, 1)
	elsewhere := []Delivery{ByTokenManager, ByTokenServices, BySTS}
	for _, c := range []struct {
		name       string
		deliveries []Delivery
		reply      string
		want       string // of the locations, in order
		all        string
		err        error
	}{
		{"with the locations", []Delivery{InLocationReply}, ours, "of a record,of the gateway,of its type,of both,", "of all", nil},
		{"elsewhere", elsewhere, ours, ",of the gateway,of its type,of both,", "", nil},
		{"elsewhere, and the site's place holds something else", elsewhere, spoilt, ",of the gateway,of its type,of both,", "", nil},
		{"elsewhere, and the site's place holds a token", elsewhere, inSiteOnly, "", "", nil},
		{"elsewhere, and the cloud's place holds something else", elsewhere, spoiltCloud, ",,of its type,of both,", "", errNotEncoded},
		{"elsewhere, and nothing came", elsewhere, locationReply(inSite("LOCAL", record(gateway, "2", "", ""))), "", "", nil},
	} {
		for _, delivery := range c.deliveries {
			t.Run(c.name+", "+string(delivery), func(t *testing.T) {
				now := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
				s := newSite(t, func(received) string { return c.reply })
				found, err := testClient(t, s, func(config *Config) {
					config.Now = func() time.Time { return now }
					config.Location = LocationSettings{Localities: []string{"1", "2", "3", "4"}, CloudTypes: []string{"CLOUD"}}
					config.DPToken = DPTokenSettings{Delivery: delivery, Paths: []string{"//Held"}, ExpiryPaths: []string{"//Held/@Until"}, Decode: Hex, STS: &oneToken{}}
				}).Locate(t.Context(), Content{}, Place{})
				must(t, err)
				var got []string
				for _, at := range found.List {
					got = append(got, at.Token.Reveal())
					if !at.Token.IsZero() && !at.Token.Expires.Equal(now.Add(time.Hour)) {
						t.Errorf("the token %q ends at %v", at.Token.Reveal(), at.Token.Expires)
					}
				}
				if strings.Join(got, ",") != c.want || found.Token.Reveal() != c.all || !errors.Is(found.TokenError, c.err) {
					t.Errorf("the locations have %q, all %q (%v), want %q, %q (%v)", got, found.Token.Reveal(), found.TokenError, c.want, c.all, c.err)
				}
			})
		}
	}
	named := readLocations(t, locationReply(inSite("LOCAL", record(gateway, "2", "", "<AccessToken>by the usual name</AccessToken>"))),
		LocationSettings{}, DPTokenSettings{Delivery: ByTokenManager})
	if got := named.List[0].Token.Reveal(); got != "by the usual name" {
		t.Errorf("without paths of the settings the token is %q", got)
	}
}

func TestTokenExpiry(t *testing.T) {
	now := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		text string
		want time.Duration // from now; 8 h is the greatest age
	}{
		{"2024-01-02T04:04:05Z", time.Hour}, {"2024-01-02T05:04:05+01:00", time.Hour}, {"2024-01-02T04:04:05", time.Hour}, {"2024-01-02T04:04:05.5Z", time.Hour + 500*time.Millisecond},
		{"1704168245", time.Hour}, {"3600", time.Hour}, {"999999", 8 * time.Hour}, {"2034-01-01T00:00:00Z", 8 * time.Hour}, {"soon", 8 * time.Hour}, {"-5", 8 * time.Hour},
		{"9223372036854775807", 8 * time.Hour}, {"2023-01-01T00:00:00Z", -(366*24+3)*time.Hour - 4*time.Minute - 5*time.Second},
	} {
		reply := strings.Replace(noLocations, " SchemaVersion", ` Token="x" Until="`+c.text+`" SchemaVersion`, 1)
		r, err := NewReplyReader(LocationSettings{}, DPTokenSettings{ExpiryPaths: []string{"//@Until"}})
		must(t, err)
		l, err := r.Read(reply, now)
		if err != nil || !l.Token.Expires.Equal(now.Add(c.want)) {
			t.Errorf("%q: expires in %v (%v), want %v", c.text, l.Token.Expires.Sub(now), err, c.want)
		}
	}
}
