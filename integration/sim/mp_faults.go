package sim

import (
	"bytes"
	"compress/zlib"
	"net/http"
	"strings"
	"time"
)

// suffer lets the faults strike that come before an answer, and takes those that spoil it. message is the endpoint of a
// message and the root of its body. It returns true when the request is answered.
func (v *visit) suffer(message ...string) bool {
	if v.m.sufferEarly(v.w, v.r, message...) {
		return true
	}
	v.spoil = v.m.Faults.takeSpoiling(v.r.Method, v.r.RequestURI, message...)
	for _, in := range v.spoil {
		if in.fault.Kind == FaultClock {
			v.now = v.now.Add(time.Duration(in.fault.Delta) * time.Second)
			v.w.Header().Set("Date", v.now.UTC().Format(http.TimeFormat))
		}
	}
	return false
}

// spoilReply lets faults make something else of the reply to a message.
func (v *visit) spoilReply(r *reply) {
	r.body = v.spoilText(r.body)
	for _, in := range v.spoil {
		if in.fault.Kind == FaultBomb {
			r.raw = bomb(in.fault.Delta)
		}
	}
}

// spoilText lets faults make something else of a text in XML.
func (v *visit) spoilText(text string) string {
	for _, in := range v.spoil {
		switch in.fault.Kind {
		case FaultGarbage:
			text = text[:len(text)/2] + "</<&nothing"
		case FaultDTD:
			text = billion() + text
		}
	}
	return text
}

// billion is a document type whose last entity stands for a thousand million others.
func billion() string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE laughs [<!ENTITY a0 \"ha\">")
	for i := range 9 {
		name, next := string(rune('0'+i)), string(rune('1'+i))
		b.WriteString("<!ENTITY a" + next + " \"" + strings.Repeat("&a"+name+";", 10) + "\">")
	}
	b.WriteString("]>")
	return b.String()
}

// bomb is zlib data that inflate to so many blanks in UTF-16.
func bomb(size int64) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	blanks := bytes.Repeat([]byte(" \x00"), 32<<10)
	for left := size; left > 0; left -= int64(len(blanks)) {
		_, _ = w.Write(blanks[:min(left, int64(len(blanks)))]) // a Buffer takes everything
	}
	_ = w.Close()
	return out.Bytes()
}
