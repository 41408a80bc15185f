package tokenbroker

import "container/list"

// recent is a map that forgets what was used least recently when it is full. It has no lock: its owner has one.
type recent[V any] struct {
	limit int
	order *list.List // of *named[V], most recently used first
	byKey map[string]*list.Element
}

type named[V any] struct {
	key   string
	value V
}

func newRecent[V any](limit int) *recent[V] {
	return &recent[V]{limit: limit, order: list.New(), byKey: make(map[string]*list.Element)}
}

// get returns the value of key and counts as a use.
func (r *recent[V]) get(key string) (v V, ok bool) {
	el, ok := r.byKey[key]
	if !ok {
		return v, false
	}
	r.order.MoveToFront(el)
	return el.Value.(*named[V]).value, true
}

// put sets the value of key and counts as a use.
func (r *recent[V]) put(key string, v V) {
	if el, ok := r.byKey[key]; ok {
		el.Value.(*named[V]).value = v
		r.order.MoveToFront(el)
		return
	}
	r.byKey[key] = r.order.PushFront(&named[V]{key, v})
	if r.order.Len() > r.limit {
		delete(r.byKey, r.order.Remove(r.order.Back()).(*named[V]).key)
	}
}

func (r *recent[V]) getOrAdd(key string, add func() V) V {
	v, ok := r.get(key)
	if !ok {
		v = add()
		r.put(key, v)
	}
	return v
}

func (r *recent[V]) remove(key string) {
	if el, ok := r.byKey[key]; ok {
		r.order.Remove(el)
		delete(r.byKey, key)
	}
}

// all yields every pair, most recently used first, and counts as no use.
func (r *recent[V]) all(yield func(string, V) bool) {
	for el := r.order.Front(); el != nil; el = el.Next() {
		if n := el.Value.(*named[V]); !yield(n.key, n.value) {
			return
		}
	}
}
