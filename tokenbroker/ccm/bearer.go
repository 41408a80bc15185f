package ccm

import (
	"context"
	"errors"
	"net/http"
)

// bearer shows a token with calls.
type bearer struct {
	source TokenSource // nil: calls go without
	show   func(Token, call) call
}

// inHeader shows tokens in a field of the header.
func inHeader(source TokenSource, p Presentation) bearer {
	return bearer{source, func(t Token, request call) call {
		h := http.Header{}
		for name, values := range request.header {
			h[name] = values
		}
		p.apply(t, h)
		request.header = h
		return request
	}}
}

// do sends a call with a token, and once more with another one when the first was not taken.
func (b bearer) do(ctx context.Context, c carrier, request call) (answer, error) {
	if b.source == nil {
		return c.do(ctx, request)
	}
	t, err := b.source.Token(ctx)
	if err != nil {
		return answer{}, err
	}
	got, err := c.do(ctx, b.show(t, request))
	if !errors.Is(err, ErrExpired) {
		return got, err
	}
	b.source.Forget(t)
	if t, err = b.source.Token(ctx); err != nil {
		return answer{}, err
	}
	return c.do(ctx, b.show(t, request))
}
