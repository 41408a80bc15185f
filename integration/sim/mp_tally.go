package sim

// MPRequest is a kind of request to a management point; its fields are those of MPEntry. To a question, an empty field means
// all.
type MPRequest struct {
	Directory, Endpoint, Request, Machine string
	// Refused is about requests that were answered with nothing; otherwise those count too.
	Refused bool
}

func (q MPRequest) covers(r MPRequest) bool {
	return (q.Directory == "" || q.Directory == r.Directory) && (q.Endpoint == "" || q.Endpoint == r.Endpoint) &&
		(q.Request == "" || q.Request == r.Request) && (q.Machine == "" || q.Machine == r.Machine) && (!q.Refused || r.Refused)
}

// MPToken is what a token was issued for. To a question, an empty field means all.
type MPToken struct {
	// Machine is the NetBIOS name that it registered with. Empty for who did not say one.
	Machine string
	// Audience is AudienceSite, or the host of a cloud's URL, with its port when it has one.
	Audience string
}

func (k MPToken) covers(issued MPToken) bool {
	return (k.Machine == "" || k.Machine == issued.Machine) && (k.Audience == "" || k.Audience == issued.Audience)
}

// AudienceSite is the audience of tokens for the distribution points of a site.
const AudienceSite = "site"

// MPTally counts the requests to a management point, and the tokens that it issued. It is safe for concurrent use.
type MPTally struct {
	requests tally[MPRequest]
	tokens   tally[MPToken]
}

// Requests is how many requests of a kind came. MPRequest{} is all.
func (t *MPTally) Requests(of MPRequest) int { return t.requests.sum(of.covers) }

// Tokens is how many tokens were issued. MPToken{} is all.
func (t *MPTally) Tokens(of MPToken) int { return t.tokens.sum(of.covers) }

// Issued is how many tokens were issued for each machine and audience.
func (t *MPTally) Issued() map[MPToken]int { return t.tokens.all() }
