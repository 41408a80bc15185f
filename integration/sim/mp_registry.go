package sim

import "strings"

// approval is what the site says to a machine that has authenticated like this (memdocs "communications-between-endpoints";
// the number for Entra is from client logs).
func (v *visit) approval(in introduction) Approval {
	switch secure := v.r.TLS != nil || v.who.forwarded != ""; {
	case in.keyType == keyIssued && secure && v.who.thumb == thumbprint(in.signing):
		return ApprovalNotApplicable
	case v.who.token:
		return ApprovedByEntra
	case strings.HasSuffix(v.who.account, "$"): // a computer's account, of a domain that the site trusts
		return Approved
	case v.set.AutoApprove:
		return Approved
	}
	return ApprovalPending
}

// admitClient adds a machine, or updates one that registers again: the same certificate keeps its id. An approval is not
// taken back by registering in a weaker way.
func (m *ManagementPoint) admitClient(in introduction, v *visit) MPClient {
	approval, thumb := v.approval(in), thumbprint(in.signing)
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.registry.byCert[thumb]
	isNew := c == nil
	if isNew {
		c = &clientRecord{
			MPClient: MPClient{SMSID: "GUID:" + strings.ToUpper(newGUID()), KeyType: in.keyType, Thumbprint: thumb},
			key:      in.key,
		}
		m.registry.byID[c.SMSID], m.registry.byCert[thumb] = c, c
	}
	c.Name, c.Directory, c.encryption = in.name, v.dir.name, in.encryption
	if isNew || c.Status == RegistrationReset {
		c.Status = Registered
		c.silent, c.ready = v.set.NotReady.Messages, v.now.Add(v.set.NotReady.For)
	}
	if approval != ApprovalPending {
		c.Approval = approval
	}
	said := c.MPClient
	if c.Status == Registered && (c.silent > 0 || v.now.Before(c.ready)) {
		said.Status = RegistrationPending
	}
	return said
}

// confirm says how far a registration is. Who asks has to have the key that is registered.
func (m *ManagementPoint) confirm(in introduction, v *visit) (MPClient, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.registry.byID[in.smsid]
	switch {
	case c == nil:
		return MPClient{}, refused("nobody has registered with the id that is to be confirmed")
	case c.Thumbprint != thumbprint(in.signing):
		return MPClient{}, refused("another certificate is registered for the id that is to be confirmed")
	case c.waits(v.now):
		return MPClient{}, refused("the registration has not reached the database yet")
	}
	return c.MPClient, nil
}
