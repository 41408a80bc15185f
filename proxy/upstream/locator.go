package upstream

import (
	"context"

	"branchpoint/proxy/content"
)

// Locator knows where else content is: a site does. It is used by several goroutines at once.
//
// Whom it names, best first, joins the hierarchy of that ID for that content, while it is named. It speaks for the hierarchies of
// its site alone, and says nothing of an ID of another one. It is asked about hosts that are not configured, too; then what it
// says counts only when that host is in it, for otherwise nobody vouches that the host numbers packages like the site.
//
// Who can forge an answer over http could name a host of his own. So where content is had over TLS only, because each
// configured DP of its hierarchy is https, or because the client named an https one that is not configured, others join when
// they are Secure, and https themselves. A token goes to whom it names, over TLS, when there is an Audience: it is for the Locator
// to leave it empty where the answer cannot be trusted as far.
type Locator interface {
	// Known answers from memory. It is called before each request to a DP.
	Known(id content.ID) []Location
	// Locate may ask the site. It is called when everybody else has failed, once for each turn through them all. The text of an
	// error holds no secret.
	Locate(ctx context.Context, id content.ID) ([]Location, error)
}

// maxParty is how many DPs of one answer are taken.
const maxParty = 32

// site returns whom the Locator names for the source's file, from memory.
func (s *source) site() party {
	locator := s.pool.cfg.Locator
	if locator == nil || s.isBlob() {
		return nil
	}
	return s.pool.dir.party(locator.Known(s.target.ID))
}

// locate asks the Locator who else has the file, and invites them to the round. It waits as long as for a DP.
func (s *source) locate(ctx context.Context, r *round) {
	p := s.pool
	if p.cfg.Locator == nil {
		return
	}
	wd := p.watch(ctx, p.cfg.HeaderTimeout)
	defer wd.end()
	named, err := p.cfg.Locator.Locate(wd.ctx, s.target.ID)
	if err != nil && p.ended(ctx) == nil {
		p.cfg.Logger.Debug("the site does not say where a content is", "content", s.target.ID.Group(), "reason", err.Error())
		if r.tally.wantsCredentials() && !s.clientAuth {
			r.tally.failed(s.named, err) // it might have named one that lets us in
		}
	}
	for _, loc := range p.dir.standIns(s.named, s.target.ID, p.dir.party(named)) {
		r.invite(loc)
	}
}
