package deepcopy

import "reflect"

// submessage is for a field with a message of its own.
func (b *builder) submessage(t reflect.Type) field {
	p := b.message(t)
	return field{
		count: func(c *counter, src reflect.Value) { c.message(p, src) },
		own: func(a *arena, dst, src reflect.Value) {
			if !src.IsNil() {
				dst.Set(a.message(p, src))
			}
		},
	}
}

// message counts the message that src points to.
func (c *counter) message(p *plan, src reflect.Value) {
	switch {
	case src.IsNil():
	case p == nil:
		c.foreign = true
	default:
		c.structs[p.id]++
		p.count(c, src.Elem())
	}
}

// message returns a copy of the message that src points to.
func (a *arena) message(p *plan, src reflect.Value) reflect.Value {
	if p == nil {
		return clone(src)
	}
	dst := a.take(p, src.Elem())
	p.own(a, dst, src.Elem())
	return dst.Addr()
}

// list is for a list of messages.
func (b *builder) list(t reflect.Type) field {
	p := b.message(t.Elem())
	return field{
		count: func(c *counter, src reflect.Value) {
			for i := range src.Len() {
				c.message(p, src.Index(i))
			}
		},
		own: func(a *arena, dst, src reflect.Value) {
			if !renew(dst, src) {
				return
			}
			for i := range src.Len() {
				if s := src.Index(i); !s.IsNil() {
					dst.Index(i).Set(a.message(p, s))
				}
			}
		},
	}
}

// renew gives dst room of its own for as many elements as src has, and none
// behind them, and reports whether there are any.
func renew(dst, src reflect.Value) bool {
	n := src.Len()
	if n == 0 {
		if src.Cap() > 0 {
			dst.SetCap(0)
		}
		return false
	}
	dst.SetZero()
	dst.Grow(n)
	dst.SetLen(n)
	dst.SetCap(n)
	return true
}

// pointer is for a scalar with presence.
func pointer(t reflect.Type) field {
	set := func(dst, src reflect.Value) {
		if src.IsNil() {
			return
		}
		p := reflect.New(t.Elem())
		p.Elem().Set(src.Elem())
		dst.Set(p)
	}
	if f := tables.pointers[t]; f != nil {
		set = func(dst, _ reflect.Value) { f(dst.Addr().Interface()) }
	}
	return field{share: set, own: func(_ *arena, dst, src reflect.Value) { set(dst, src) }}
}

// values is for a byte slice, and for a list of scalars, strings or byte slices.
func values(t reflect.Type) field {
	set := func(dst, src reflect.Value) {
		if renew(dst, src) {
			reflect.Copy(dst, src)
		}
	}
	if f := tables.slices[t]; f != nil {
		set = func(dst, _ reflect.Value) { f(dst.Addr().Interface()) }
	}
	return field{own: func(_ *arena, dst, src reflect.Value) { set(dst, src) }}
}

// mapOfValues is for a map of scalars, strings or byte slices.
func mapOfValues(t reflect.Type) field {
	ofBytes := t.Elem() == reflect.TypeFor[[]byte]()
	set := func(dst, src reflect.Value) {
		m := reflect.MakeMapWithSize(t, src.Len())
		k, v := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		for it := src.MapRange(); it.Next(); {
			k.SetIterKey(it)
			v.SetIterValue(it)
			if ofBytes {
				v.SetBytes(exact(v.Bytes()))
			}
			m.SetMapIndex(k, v)
		}
		dst.Set(m)
	}
	if f := tables.maps[t]; f != nil {
		set = func(dst, _ reflect.Value) { f(dst.Addr().Interface()) }
	}
	return field{own: func(_ *arena, dst, src reflect.Value) {
		if !src.IsNil() {
			set(dst, src)
		}
	}}
}

// mapOfMessages is for a map whose values are messages.
func (b *builder) mapOfMessages(t reflect.Type) field {
	p := b.message(t.Elem())
	return field{
		count: func(c *counter, src reflect.Value) {
			v := reflect.New(t.Elem()).Elem()
			for it := src.MapRange(); it.Next(); {
				v.SetIterValue(it)
				c.message(p, v)
			}
		},
		own: func(a *arena, dst, src reflect.Value) {
			if src.IsNil() {
				return
			}
			m := reflect.MakeMapWithSize(t, src.Len())
			k, v := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			for it := src.MapRange(); it.Next(); {
				k.SetIterKey(it)
				v.SetIterValue(it)
				if v.IsNil() {
					m.SetMapIndex(k, v)
				} else {
					m.SetMapIndex(k, a.message(p, v))
				}
			}
			dst.Set(m)
		},
	}
}

// oneof is for the field i of a message of type t that holds a oneof's member,
// in a struct of its own.
func (b *builder) oneof(i int, t reflect.Type, f reflect.StructField) field {
	plans := map[reflect.Type]*plan{}
	for _, w := range wrappers(t, f) {
		p := b.plan(w.Elem())
		b.add(p, 0, w.Elem().Field(0).Type)
		plans[w] = p
	}
	return field{
		index: i,
		count: func(c *counter, src reflect.Value) {
			if w := src.Elem(); w.IsValid() && !w.IsNil() {
				p := plans[w.Type()]
				c.structs[p.id]++
				p.count(c, w.Elem())
			}
		},
		own: func(a *arena, dst, src reflect.Value) {
			if w := src.Elem(); w.IsValid() && !w.IsNil() {
				p := plans[w.Type()]
				n := a.take(p, w.Elem())
				p.own(a, n, w.Elem())
				dst.Set(n.Addr())
			}
		},
		share: func(dst, src reflect.Value) {
			if w := src.Elem(); w.IsValid() && !w.IsNil() {
				n := reflect.New(w.Type().Elem())
				n.Elem().Set(w.Elem())
				dst.Set(n)
			}
		},
	}
}
