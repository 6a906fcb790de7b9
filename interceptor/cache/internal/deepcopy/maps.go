package deepcopy

import (
	"maps"
	"reflect"
	"unsafe"
)

// mapOfValues is for a map of scalars, strings or byte slices.
func mapOfValues(t reflect.Type) field {
	clone := func(at unsafe.Pointer) { cloneMap(value(t, at)) }
	if f := mapCloners[t]; f != nil {
		clone = func(at unsafe.Pointer) { f(reflect.NewAt(t, at).Interface()) }
	}
	return field{scan: func(s *scanner, at loc, src reflect.Value) {
		if src.IsNil() {
			return
		}
		s.heap += mapSize(t, src.Len())
		for it := src.MapRange(); it.Next(); {
			s.heap += valueSize(it.Key()) + valueSize(it.Value())
		}
		s.fixes = append(s.fixes, fix{at: at, do: func(at unsafe.Pointer, _ memory) { clone(at) }})
	}}
}

// cloneMap replaces the map v by a copy of its own.
func cloneMap(v reflect.Value) {
	t := v.Type()
	m := reflect.MakeMapWithSize(t, v.Len())
	key, elem := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
	for it := v.MapRange(); it.Next(); {
		key.SetIterKey(it)
		elem.SetIterValue(it)
		if t.Elem() == reflect.TypeFor[[]byte]() {
			elem.SetBytes(exact(elem.Bytes()))
		}
		m.SetMapIndex(key, elem)
	}
	v.Set(m)
}

// mapOfMessages is for a map whose values are messages.
func (b builder) mapOfMessages(t reflect.Type) field {
	p := b.message(t.Elem())
	return field{scan: func(s *scanner, at loc, src reflect.Value) {
		if src.IsNil() {
			return
		}
		s.heap += mapSize(t, src.Len())
		n := src.Len()
		keys := reflect.MakeSlice(reflect.SliceOf(t.Key()), n, n)
		// Where the values' pointers stand first, as in a list.
		values := s.pointers(n)
		i := 0
		for it := src.MapRange(); it.Next(); i++ {
			keys.Index(i).SetIterKey(it)
			s.heap += 2 * valueSize(it.Key())
			s.message(p, values.plus(uintptr(i)*unsafe.Sizeof(uintptr(0))), it.Value())
		}
		s.fixes = append(s.fixes, fix{at: at, do: func(at unsafe.Pointer, in memory) {
			m := reflect.MakeMapWithSize(t, n)
			for i := range n {
				elem := in.at(values.plus(uintptr(i) * unsafe.Sizeof(uintptr(0))))
				m.SetMapIndex(keys.Index(i), value(t.Elem(), elem))
			}
			value(t, at).Set(m)
		}})
	}}
}

// mapCloners hold code for the types of maps that messages mostly have, which is
// given the map's address. They do not change.
var mapCloners = func() map[reflect.Type]func(any) {
	m := map[reflect.Type]func(any){}
	mapsTo[bool](m)
	mapsTo[int32](m)
	mapsTo[int64](m)
	mapsTo[uint32](m)
	mapsTo[uint64](m)
	mapsTo[float32](m)
	mapsTo[float64](m)
	mapsTo[string](m)
	return m
}()

func mapsTo[V any](into map[reflect.Type]func(any)) {
	mapsFrom[string, V](into)
	mapsFrom[int32, V](into)
	mapsFrom[int64, V](into)
	mapsFrom[uint32, V](into)
	mapsFrom[uint64, V](into)
	mapsFrom[bool, V](into)
}

func mapsFrom[K comparable, V any](into map[reflect.Type]func(any)) {
	into[reflect.TypeFor[map[K]V]()] = func(at any) {
		p := at.(*map[K]V) //nolint:forcetypeassert // the table is by type
		*p = maps.Clone(*p)
	}
}
