package upstream

// Prepare checks a new configuration, and returns what puts it into force for the requests to come. Dial, Tokens, Locator,
// Elsewhere, Via, Registerer and Logger stay those of New. What is known of a DP stays known while it is configured, or named by clients; one that is in
// neither is forgotten. Sources that exist keep the old settings: a download under way goes on as it began.
func (p *Pool) Prepare(cfg Config) (commit func(), err error) {
	same := p.now.Load().cfg
	cfg.Dial, cfg.Tokens, cfg.Via, cfg.Registerer, cfg.Logger = same.Dial, same.Tokens, same.Via, same.Registerer, same.Logger
	cfg.Locator, cfg.Elsewhere = same.Locator, same.Elsewhere
	next, err := newPool(cfg)
	if err != nil {
		return nil, err
	}
	return func() { p.commit(next) }, nil
}

// commit is called by one goroutine at a time.
func (p *Pool) commit(next *pool) {
	old := p.now.Load()
	next.ctx, next.metrics, next.conns, next.offers, next.facts = old.ctx, old.metrics, old.conns, old.offers, old.facts
	if !old.conns.fit(next.cfg) {
		next.conns = newConns(next.cfg)
	}
	next.dir.inherit(old.dir)
	p.now.Store(next)
	if next.conns != old.conns {
		old.conns.Retire()
	}
}

// inherit takes over what old knows. Nobody uses d yet.
func (d *directory) inherit(old *directory) {
	d.labels = old.labels
	heirs := make(map[*location]*location)
	for _, loc := range old.configured {
		heirs[loc] = d.heir(loc)
	}
	for _, loc := range old.learned.Values() { // the one that was used last comes last
		heirs[loc] = d.heir(loc)
		if heir := heirs[loc]; heir != nil && !heir.configured {
			d.learned.Add(heir.base, heir)
		}
	}
	for _, at := range old.located.Keys() { // in the same order
		loc, _ := old.located.Peek(at)
		heirs[loc] = d.heirAt(at, loc)
	}
	for _, key := range old.served.Keys() {
		list, _ := old.served.Peek(key)
		var kept []*location
		for _, loc := range list {
			if heir := heirs[loc]; heir != nil {
				kept = append(kept, heir)
			}
		}
		if len(kept) > 0 {
			d.served.Add(key, kept)
		}
	}
}

// heir returns the location that takes the place of loc. It is nil when there is none: loc is configured no more.
func (d *directory) heir(loc *location) *location {
	heir, ok := d.byEndpoint[loc.base]
	switch {
	case ok && heir.base != loc.base: // only a token endpoint now
		return nil
	case !ok && loc.configured:
		return nil
	case !ok:
		heir = d.learn(loc.base)
	}
	heir.inherit(loc, d.cfg)
	return heir
}

// heirAt is heir for a DP that a site named. It is nil when the DP is configured now: then that one has its own heir.
func (d *directory) heirAt(at place, loc *location) *location {
	if d.byEndpoint[at.base] != nil {
		return nil
	}
	heir := &location{base: at.base, token: at.token, audience: at.audience}
	d.admit(at, heir)
	heir.inherit(loc, d.cfg)
	return heir
}

// learn makes a location of a DP that is not configured.
func (d *directory) learn(at endpoint) *location {
	loc := &location{base: at, hierarchy: d.hierarchy(at), label: d.labels.of(at.host)}
	loc.ready(d.cfg)
	return loc
}

// inherit takes over how old did. The number of slots is a matter of c: where it changes, what is under way counts no more.
func (loc *location) inherit(old *location, c Config) {
	loc.health, loc.asksAuth = old.health, old.asksAuth
	loc.health.tune(c)
	if loc.token == old.token {
		loc.tokenAway = old.tokenAway
	}
	if cap(loc.slots) == cap(old.slots) {
		loc.slots = old.slots
	}
}
