package deepcopy

import (
	"maps"
	"reflect"
)

// tables hold code for the types that fields mostly have. It is given the
// address of the field that it is to replace. They do not change.
var tables = newTables()

type typed struct{ pointers, slices, maps map[reflect.Type]func(field any) }

func newTables() *typed {
	t := &typed{map[reflect.Type]func(any){}, map[reflect.Type]func(any){}, map[reflect.Type]func(any){}}
	scalar[bool](t)
	scalar[int32](t)
	scalar[int64](t)
	scalar[uint32](t)
	scalar[uint64](t)
	scalar[float32](t)
	scalar[float64](t)
	scalar[string](t)
	t.slices[reflect.TypeFor[[]byte]()] = ownSlice[byte]
	t.slices[reflect.TypeFor[[][]byte]()] = ownByteSlices
	return t
}

func scalar[T any](t *typed) {
	t.pointers[reflect.TypeFor[*T]()] = ownPointer[T]
	t.slices[reflect.TypeFor[[]T]()] = ownSlice[T]
	t.maps[reflect.TypeFor[map[string]T]()] = ownMap[string, T]
	t.maps[reflect.TypeFor[map[int32]T]()] = ownMap[int32, T]
	t.maps[reflect.TypeFor[map[int64]T]()] = ownMap[int64, T]
	t.maps[reflect.TypeFor[map[uint32]T]()] = ownMap[uint32, T]
	t.maps[reflect.TypeFor[map[uint64]T]()] = ownMap[uint64, T]
	t.maps[reflect.TypeFor[map[bool]T]()] = ownMap[bool, T]
}

func ownPointer[T any](field any) {
	if p := field.(**T); *p != nil { //nolint:forcetypeassert // the table is by type
		v := **p
		*p = &v
	}
}

// ownSlice leaves no room behind the last element, and nil and empty as they are.
func ownSlice[T any](field any) {
	p := field.(*[]T) //nolint:forcetypeassert // the table is by type
	*p = exact(*p)
}

// exact returns a copy of s without room behind its last element; nil stays nil.
func exact[T any](s []T) []T {
	if cap(s) == 0 {
		return s
	}
	out := make([]T, len(s))
	copy(out, s)
	return out
}

func ownByteSlices(field any) {
	p := field.(*[][]byte) //nolint:forcetypeassert // the table is by type
	*p = exact(*p)
	for i, b := range *p {
		(*p)[i] = exact(b)
	}
}

func ownMap[K comparable, V any](field any) {
	p := field.(*map[K]V) //nolint:forcetypeassert // the table is by type
	*p = maps.Clone(*p)
}
