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
	under    crowd[MPRequest] // messages; as they say themselves who they are from
}

// Requests is how many requests of a kind came. MPRequest{} is all.
func (t *MPTally) Requests(of MPRequest) int { return t.requests.sum(of.covers) }

// AtOnce is how many messages of one and the same kind were under way at one moment, at most: from when they had come to when they
// were answered. MPRequest{} is about all kinds, each for itself.
func (t *MPTally) AtOnce(of MPRequest) int { return t.under.peak(of.covers) }

// Tokens is how many tokens were issued. MPToken{} is all.
func (t *MPTally) Tokens(of MPToken) int { return t.tokens.sum(of.covers) }

// Issued is how many tokens were issued for each machine and audience.
func (t *MPTally) Issued() map[MPToken]int { return t.tokens.all() }
