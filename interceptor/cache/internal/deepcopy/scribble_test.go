package deepcopy_test

import (
	"reflect"
	"unsafe"
)

// scribbler writes over all memory that a message reaches, as its holder could
// with no regard for anybody: numbers, the pointers of structs, elements of
// slices and the room behind them, and maps.
type scribbler struct{ seen map[unsafe.Pointer]bool }

func scribble(m any) { (&scribbler{map[unsafe.Pointer]bool{}}).value(reflect.ValueOf(m)) }

func (s *scribbler) value(v reflect.Value) {
	if v.CanSet() || v.CanAddr() {
		v = reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem() // exported or not
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || s.seen[v.UnsafePointer()] {
			return
		}
		s.seen[v.UnsafePointer()] = true
		s.value(v.Elem())
	case reflect.Interface:
		if !v.IsNil() {
			s.value(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			switch name := v.Type().Field(i).Name; name {
			case "state", "XXX_raceDetectHookData": // the runtime's
			default:
				s.value(v.Field(i))
			}
		}
	case reflect.Slice:
		all := v.Slice(0, v.Cap())
		for i := range all.Len() {
			s.value(all.Index(i))
		}
		if v.CanSet() {
			v.SetZero()
		}
	case reflect.Array:
		for i := range v.Len() {
			s.value(v.Index(i))
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if k := it.Value().Kind(); k == reflect.Pointer || k == reflect.Slice {
				s.value(it.Value())
			}
		}
		v.Clear()
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.String:
		v.SetString("scribbled")
	case reflect.Int32, reflect.Int64:
		v.SetInt(v.Int() ^ 0x55)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(v.Uint() ^ 0x55)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(v.Float() + 1)
	}
}
