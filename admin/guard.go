package admin

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
)

// secureHeaders go with every answer: nothing here is to be kept, framed, guessed at or read by another site's page.
func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// checkHost keeps out web pages whose own name was made to lead here (DNS rebinding).
func (s *Server) checkHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !knownHost(r.Host) {
			s.fail(w, r, &failure{http.StatusMisdirectedRequest, "this server is not asked by this name; use its address or localhost"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// knownHost takes IP addresses and localhost: no web page has such a name.
func knownHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return strings.EqualFold(host, "localhost")
}

// requireToken lets only the administrator through.
func (s *Server) requireToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.authorized(r) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="branchpoint"`)
			s.fail(w, r, &failure{http.StatusUnauthorized,
				"the admin token is needed: Authorization: Bearer <token>; it is in admin.token_file"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) authorized(r *http.Request) bool {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return false
	}
	scheme, secret, _ := strings.Cut(values[0], " ")
	return strings.EqualFold(scheme, "Bearer") && s.config.Token.matches(strings.TrimSpace(secret))
}

// survivePanics ends the request and nothing else. The value of a panic may hold anything, so only its type is told.
func (s *Server) survivePanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if cause == http.ErrAbortHandler {
				panic(cause)
			}
			s.log.Error("an admin request panicked", "type", fmt.Sprintf("%T", cause), "stack", string(debug.Stack()))
			s.fail(w, r, &failure{http.StatusInternalServerError, "internal error"})
		}()
		next.ServeHTTP(w, r)
	})
}
