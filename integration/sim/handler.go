package sim

import "net/http"

// ServeHTTP answers a request as IIS and the DP's ISAPI extension do.
func (d *DP) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.serve(w, r, d.answer) }

func (d *DP) answer(w *recorder, r *http.Request) {
	w.Header().Set("Server", "Microsoft-IIS/10.0")
	w.Header().Set("X-Powered-By", "ASP.NET")
	if done := d.sufferEarly(w, r); done {
		return
	}
	t, err := parseTarget(r.RequestURI)
	if err != nil {
		w.fail(http.StatusNotFound, 0)
		return
	}
	user, no := d.admit(r, t)
	w.entry.User = user
	if c := connOf(r.Context()); c != nil {
		c.serve(user)
	}
	if no.status != 0 {
		for _, challenge := range no.challenges {
			w.Header().Add("WWW-Authenticate", challenge)
		}
		w.fail(no.status, no.substatus)
		return
	}
	d.serveTarget(w, r, t)
}

func (d *DP) serveTarget(w *recorder, r *http.Request, t target) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case "PROPFIND":
		d.servePropfind(w, r, t)
		return
	default:
		w.Header().Set("Allow", "GET, HEAD, PROPFIND")
		w.fail(http.StatusMethodNotAllowed, 0)
		return
	}
	res, ok := d.find(t)
	switch {
	case !ok:
		w.fail(http.StatusNotFound, 0)
	case res.folder != nil:
		d.serveFolder(w, r, res.folder)
	default:
		d.serveFile(w, r, res)
	}
}
