package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// stsAnswer is an answer being put together.
type stsAnswer struct {
	header http.Header
	text   string
	json   map[string]any
	xml    *xmlNode
}

// answer puts a token, and when it ends, into an answer. It sets header fields and returns the body.
func (s STSSettings) answer(h http.Header, token string, ends, now time.Time) ([]byte, error) {
	a := stsAnswer{header: h}
	values := []struct {
		place string
		value any
	}{{s.Reply, token}, {s.Expiry, s.expiry(ends, now)}}
	for _, v := range values {
		if v.place == "" {
			continue
		}
		place, err := parsePlace(v.place)
		if err == nil {
			err = a.put(place, v.value)
		}
		if err != nil {
			return nil, err
		}
	}
	return a.body()
}

func (s STSSettings) expiry(ends, now time.Time) any {
	switch s.ExpiryForm {
	case ExpiryTime:
		return ends.UTC().Format(messageTime)
	case ExpiryLeft:
		return int64(ends.Sub(now) / time.Second)
	default:
		return ends.Unix()
	}
}

func plainText(value any) string {
	if n, ok := value.(int64); ok {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprint(value)
}

var errNoRoom = errors.New("the answer has no room for both token and expiry at these places")

func (a *stsAnswer) put(p answerPlace, value any) error {
	switch p.kind {
	case "header":
		if a.header.Get(p.path[0]) != "" {
			return errNoRoom
		}
		a.header.Set(p.path[0], plainText(value))
		return nil
	case "body":
		if a.text != "" {
			return errNoRoom
		}
		a.text = plainText(value)
		return nil
	case "json":
		return a.putJSON(p.path, value)
	default:
		return a.putXML(p.path, plainText(value))
	}
}

func (a *stsAnswer) putJSON(path []string, value any) error {
	if a.json == nil {
		a.json = map[string]any{}
	}
	at, last := a.json, len(path)-1
	for _, name := range path[:last] {
		inner, isMap := at[name].(map[string]any)
		if _, taken := at[name]; taken && !isMap {
			return errNoRoom
		}
		if !isMap {
			inner = map[string]any{}
			at[name] = inner
		}
		at = inner
	}
	if _, taken := at[path[last]]; taken {
		return errNoRoom
	}
	at[path[last]] = value
	return nil
}

func (a *stsAnswer) putXML(path []string, value string) error {
	if a.xml == nil {
		a.xml = node(path[0])
	}
	if a.xml.name != path[0] {
		return errNoRoom
	}
	at := a.xml
	for _, name := range path[1:] {
		if attribute, is := strings.CutPrefix(name, "@"); is {
			if at.attr(attribute) != "" {
				return errNoRoom
			}
			at.set(attribute, value)
			return nil
		}
		next := at.child(name)
		if next == nil {
			next = node(name)
			at.with(next)
		}
		at = next
	}
	if at.text != "" {
		return errNoRoom
	}
	at.text = value
	return nil
}

func (a *stsAnswer) body() ([]byte, error) {
	kinds := 0
	for _, is := range []bool{a.text != "", a.json != nil, a.xml != nil} {
		if is {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return nil, errNoRoom
	case a.json != nil:
		a.header.Set("Content-Type", "application/json; charset=utf-8")
		return json.Marshal(a.json)
	case a.xml != nil:
		a.header.Set("Content-Type", "text/xml; charset=utf-8")
		return []byte(a.xml.String()), nil
	}
	a.header.Set("Content-Type", "text/plain")
	return []byte(a.text), nil
}
