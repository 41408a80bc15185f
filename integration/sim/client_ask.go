package sim

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// Answer is what a server said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// maxAnswer bounds an answer that is kept in memory.
const maxAnswer = 64 << 20

// Ask sends one request of any method, with the client's credentials, and returns what comes back, whatever it is. Nothing is
// compared with the library. An error says that there was no whole answer.
func (p *Plain) Ask(ctx context.Context, method, url string) (Answer, error) {
	var r Result
	s := newSession(ctx, &p.config, &r)
	defer s.drop()
	resp, err := s.ask(call{method: method, url: url, fields: []headerField{{"Accept", "*/*"}}})
	if err != nil {
		return Answer{}, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return Answer{}, fmt.Errorf("the answer to %s %s: %w", method, url, noEOF(err))
	case len(body) > maxAnswer:
		return Answer{}, fmt.Errorf("the answer to %s %s is longer than %d bytes", method, url, maxAnswer)
	}
	return Answer{resp.StatusCode, resp.Header, body}, nil
}
