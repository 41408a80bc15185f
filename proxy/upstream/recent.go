package upstream

import (
	"container/list"
	"sync"
)

// recent is a map that keeps the entries used last and forgets the others.
type recent[K comparable, V any] struct {
	max int

	mu    sync.Mutex
	order *list.List // guarded by mu; of recentEntry, the last used in front
	at    map[K]*list.Element
}

type recentEntry[K comparable, V any] struct {
	key   K
	value V
}

func newRecent[K comparable, V any](max int) *recent[K, V] {
	return &recent[K, V]{max: max, order: list.New(), at: make(map[K]*list.Element)}
}

func (r *recent[K, V]) get(key K) (value V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.at[key]
	if !ok {
		return value, false
	}
	r.order.MoveToFront(e)
	return e.Value.(recentEntry[K, V]).value, true
}

func (r *recent[K, V]) put(key K, value V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.at[key]; ok {
		e.Value = recentEntry[K, V]{key, value}
		r.order.MoveToFront(e)
		return
	}
	r.at[key] = r.order.PushFront(recentEntry[K, V]{key, value})
	if r.order.Len() > r.max {
		last := r.order.Back()
		delete(r.at, r.order.Remove(last).(recentEntry[K, V]).key)
	}
}

func (r *recent[K, V]) values() []V {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]V, 0, r.order.Len())
	for e := r.order.Front(); e != nil; e = e.Next() {
		list = append(list, e.Value.(recentEntry[K, V]).value)
	}
	return list
}
