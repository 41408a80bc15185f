package integration

import (
	"fmt"
	"testing"

	"branchpoint/integration/sim"
)

// The contents of the rows on the internet.
const (
	roamingPackage = "PS100031"
	roamingImage   = "PS100032"
	roamingUpdate  = "5f0e3a52-9c3a-4f0e-8d34-111213141516"
)

// roamingLibrary has a package, an application, an update and an image. size is that of the largest file of each.
func roamingLibrary(t testing.TB, size int64) *sim.Library {
	t.Helper()
	lib := sim.NewLibrary()
	for _, id := range []string{roamingPackage, app, roamingUpdate, roamingImage} {
		_, err := lib.Publish(id, sim.FileSpec{Path: "media/install.wim", Size: size}, sim.FileSpec{Path: "setup.exe", Size: size / 7},
			sim.FileSpec{Path: "data/100% sure; a+b & c #1.dat", Size: 70_001}, sim.FileSpec{Path: "data/empty.flag"})
		must(t, err)
	}
	return lib
}

// Rows 8 to 11 run without any delivery of tokens: no token is asked for.

// TestScenario08Package is row 8: on the internet, a package from a cloud distribution point, with the client's own token.
func TestScenario08Package(t *testing.T) { ownTokens(t, 8, "package", nil, roamingPackage) }

// TestScenario09Application is row 9, the same with an application.
func TestScenario09Application(t *testing.T) { ownTokens(t, 9, "application", nil, app+".1") }

// TestScenario10Update is row 10, the same with a software update.
func TestScenario10Update(t *testing.T) { ownTokens(t, 10, "software update", nil, roamingUpdate) }

// TestScenario11TaskSequence is row 11: a task sequence, which gets one content after the other, each file in one piece.
func TestScenario11TaskSequence(t *testing.T) {
	ownTokens(t, 11, "task sequence", func(c *sim.CloudConfig) {
		c.BITS.BlockSize, c.BITS.UserAgent = sim.NoRange, "SMS CCM 5.0 TS"
	}, roamingImage, roamingPackage, app+".1")
}

// ownTokens has machines of each kind get contents from a cloud distribution point, and from a gateway with content: the clients'
// tokens open them, and nobody asks the site for anything.
func ownTokens(t *testing.T, row int, what string, change func(*sim.CloudConfig), segments ...string) {
	t.Parallel()
	for kind := sim.Workgroup; kind <= sim.Hybrid; kind++ {
		c := roamingConfig{kind: kind, enrolled: kind == sim.EntraJoined || kind == sim.Hybrid}
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			r := newRoaming(t, roamingLibrary(t, int64(count(64<<20, 3<<20+3))), c)
			for _, at := range []cloudDP{r.classic, r.own} {
				r.ownTokensAt(at, change, segments)
			}
			if now := r.asked(); now.located+now.tokens > 0 || now.exchanged > r.registered.exchanged+1 {
				t.Errorf("the site was asked: %+v, and after the registration %+v", now, r.registered)
			}
			auditCache(t, r.cacheDir(), r.files(segments))
		})
	}
}

// ownTokensAt has one client bring the contents and others find them there. One without a token gets the list by what the others of
// this machine have shown, where the box sees it pass. One with a bad token is refused.
func (r *roaming) ownTokensAt(at cloudDP, change func(*sim.CloudConfig), segments []string) {
	t := r.t
	r.sent()
	for n, segment := range segments {
		used := at.tokens.Used()
		first := r.newJob(at, segment, 1, change).run(t)
		expectSmooth(t, at.name+": "+segment, first)
		if sent := r.sent(); sent[at.name] > first.Bytes()*102/100+1 || len(sent) != 1 {
			t.Errorf("%s: %s: %v bytes were sent for %d", at.name, segment, sent, first.Bytes())
		}
		for client := range count(20, 2) {
			expectSmooth(t, fmt.Sprintf("%s: %s, client %d", at.name, segment, client+2), r.newJob(at, segment, client+2, change).run(t))
		}
		if sent := r.sent(); sent[at.name] > 0 {
			t.Errorf("%s: %s was there, and %v bytes were sent", at.name, segment, sent)
		}
		if lists := at.tokens.Used() - used; lists != count(20, 2)+1 {
			t.Errorf("%s: %s: %d lists were asked for with a good token", at.name, segment, lists)
		}
		bare := r.newJob(at, segment, 199+n, func(c *sim.CloudConfig) { c.BITS.Token = sim.Secret{} }).run(t)
		if isSeen := at != r.own; isSeen != (bare.Err == nil) {
			t.Errorf("%s: %s: a client without a token got %d bytes, %v", at.name, segment, bare.Bytes(), bare.Err)
		}
		stranger := r.newJob(at, segment, 99+n, func(c *sim.CloudConfig) { c.BITS.Token = sim.NewSecret("of nobody") })
		if got := stranger.run(t); got.Err == nil || got.Bytes() > 0 {
			t.Errorf("%s: %s: a client with a bad token got %d bytes, %v", at.name, segment, got.Bytes(), got.Err)
		}
	}
}

// files are those of contents.
func (r *roaming) files(segments []string) []*sim.File { return filesOf(r.t, r.site.Library, segments) }

// filesOf are those of contents of roamingLibrary, the largest of each first.
func filesOf(t testing.TB, lib *sim.Library, segments []string) (all []*sim.File) {
	t.Helper()
	for _, segment := range segments {
		for _, name := range []string{"media/install.wim", "setup.exe", "data/100% sure; a+b & c #1.dat", "data/empty.flag"} {
			f, err := lib.File(segment, name)
			must(t, err)
			all = append(all, f)
		}
	}
	return all
}

// told is what the board says.
func (r *roaming) told(c roamingConfig) string {
	a := r.asked()
	return fmt.Sprintf("form %s; MP: %d locations, %d tokens; CMG: %d requests by certificate, %d by CCM token; STS: %d; Entra: %d",
		tokenForm{c.delivery}, a.located, a.tokens, a.byCertificate, a.byToken, a.exchanged, a.entra)
}
