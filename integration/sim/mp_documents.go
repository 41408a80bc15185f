package sim

import (
	"net/http"
	"strconv"
	"strings"
)

// serveDocuments answers GET of .sms_aut in a directory for documents. The others of a management point, policies and
// configuration items, are not simulated.
func (v *visit) serveDocuments(rest string) {
	_, query, _ := strings.Cut(originForm(v.r.RequestURI), "?")
	name, argument, _ := strings.Cut(strings.ToUpper(query), "&")
	v.entry.Endpoint, v.entry.Request = strings.ToLower(rest), name
	if v.suffer(v.entry.Endpoint, name) || !v.admit() {
		return
	}
	switch {
	case rest == "":
		v.w.fail(http.StatusForbidden, 14)
		return
	case !strings.EqualFold(rest, ".sms_aut"):
		v.w.fail(http.StatusNotFound, 0)
		return
	case v.r.Method != http.MethodGet && v.r.Method != http.MethodHead:
		v.w.Header().Set("Allow", "GET, HEAD")
		v.w.fail(http.StatusMethodNotAllowed, 0)
		return
	}
	root, err := v.document(name, argument)
	switch {
	case err != nil:
		v.entry.Refused = err.Error()
		v.w.fail(http.StatusInternalServerError, 0)
	case root == nil:
		v.w.fail(http.StatusNotFound, 0)
	default:
		v.sendDocument(root.String())
	}
}

// sendDocument sends a document, or 304 to who has it already.
func (v *visit) sendDocument(text string) {
	h := v.w.Header()
	for field, values := range v.set.Bootstrap {
		h[http.CanonicalHeaderKey(field)] = values
	}
	if etag := h.Get("ETag"); etag != "" && matches(v.r.Header.Get("If-None-Match"), etag) {
		v.w.WriteHeader(http.StatusNotModified)
		return
	}
	for _, in := range v.spoil {
		if in.fault.Kind == FaultBomb { // nothing is inflated here: it is as long as it is
			text += strings.Repeat(" ", int(in.fault.Delta))
		}
	}
	v.send("text/xml; charset=utf-8", []byte(v.spoilText(text)))
}

// document makes one by its name, nil when there is none of that name.
func (v *visit) document(name, argument string) (*xmlNode, error) {
	switch name {
	case "MPLIST":
		return v.mpList("", false), nil
	case "MPLIST1":
		return v.mpList(argument, true), nil
	case "MPLIST2": // of those that face the internet; one for http does not (Client Messaging SDK: it fails there)
		if v.m.URL("https") == "" {
			return nil, nil
		}
		return v.mpList(argument, false), nil
	case "MPKEYINFORMATION", "MPKEYINFORMATIONEX", "MPKEYINFORMATIONMEDIA":
		return v.keyInformation(name)
	}
	cert, err := v.m.keys.certificate(v.m.config.CA)
	if err != nil {
		return nil, err
	}
	switch name {
	case "MPCERT":
		return node("MPCertificate").with(leaf("Certificate", upperHex(cert))), nil
	case "MPCERT2":
		return node("MPCertificates").with(leaf("Certificate1", upperHex(cert)), leaf("Certificate2", upperHex(cert))), nil
	case "SITESIGNCERT":
		n := node("SiteSigningCertificate", "EncodingType", "HexBinary")
		n.text = upperHex(cert)
		return n, nil
	}
	return nil, nil
}

// mpList lists management points, of one site or of all.
func (v *visit) mpList(site string, sites bool) *xmlNode {
	state := 0
	if v.set.RequireCertificate {
		state = sslClientCertificate
	}
	self := ListedMP{Name: v.m.setup.name, FQDN: v.m.setup.host, SiteCode: v.m.config.SiteCode, SSLState: state}
	list := node("MPList")
	for _, mp := range append([]ListedMP{self}, v.m.config.Others...) {
		if site != "" && !strings.EqualFold(site, mp.SiteCode) {
			continue
		}
		n := node("MP", "Name", mp.Name, "FQDN", mp.FQDN)
		if sites {
			n.set("SiteCode", mp.SiteCode)
		}
		list.with(n.with(leaf("Version", mpBuild), capabilities("SSLState", strconv.Itoa(mp.SSLState))))
	}
	return list
}

// keyInformation is what boot media ask for. Element names are those that PXEThief looks for; the root is made up.
func (v *visit) keyInformation(name string) (*xmlNode, error) {
	cert, err := v.m.keys.certificate(v.m.config.CA)
	if err != nil {
		return nil, err
	}
	root, err := v.m.keys.trustedRoot(v.m.config.CA)
	if err != nil {
		return nil, err
	}
	n := node("MPKEYINFORMATION").with(leaf("SITECODE", v.m.config.SiteCode), leaf("MACHINENAME", v.m.setup.name),
		leaf("TRUSTEDROOTKEY", upperHex(root)), leaf("MPCERTIFICATE", upperHex(cert)))
	if name != "MPKEYINFORMATION" {
		n.with(leaf("AssignmentSiteCode", v.m.config.SiteCode), node("UnknownMachines",
			"x86UnknownMachineGUID", "5d7c4a1e-0b5f-4c6a-8e2d-9a1b2c3d4e5f", "x64UnknownMachineGUID", "6e8d5b2f-1c60-4d7b-9f3e-ab2c3d4e5f60"))
	}
	return n, nil
}
