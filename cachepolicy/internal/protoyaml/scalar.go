package protoyaml

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// scalar reads a value of a scalar or enum type.
func (d *decoder) scalar(n *yaml.Node, fd protoreflect.FieldDescriptor, path string) (protoreflect.Value, bool) {
	var v protoreflect.Value
	if n.Kind == yaml.AliasNode { // reported by refuse
		return v, false
	}
	var why string
	switch fd.Kind() {
	case protoreflect.BoolKind:
		v, why = boolean(n)
	case protoreflect.StringKind:
		v, why = text(n)
	case protoreflect.EnumKind:
		v, why = enum(n, fd.Enum())
	case protoreflect.FloatKind:
		v, why = float(n, 32)
	case protoreflect.DoubleKind:
		v, why = float(n, 64)
	default:
		v, why = integer(n, fd.Kind())
	}
	if why != "" {
		d.fault(n, path, "%s", why)
		return v, false
	}
	return v, true
}

func boolean(n *yaml.Node) (v protoreflect.Value, why string) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		return v, "want true or false, got " + describe(n)
	}
	return protoreflect.ValueOfBool(strings.EqualFold(n.Value, "true")), ""
}

func text(n *yaml.Node) (v protoreflect.Value, why string) {
	if n.Kind != yaml.ScalarNode {
		return v, "want text, got " + describe(n)
	}
	if n.ShortTag() != "!!str" {
		return v, fmt.Sprintf("want text, got %s: put it in quotes", describe(n))
	}
	return protoreflect.ValueOfString(n.Value), ""
}

// number returns the decimal form of a number, which the JSON mapping also
// allows as text.
func number(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		return "", false
	}
	switch n.ShortTag() {
	case "!!int", "!!float", "!!str":
		return n.Value, jsonNumber(n.Value)
	}
	return "", false
}

// jsonNumber says that s is a number in JSON's form. YAML's others (0x1F, 017,
// 1_000) are read differently by different parsers.
func jsonNumber(s string) bool {
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && s[len(s)-1] >= '0' && s[len(s)-1] <= '9' && json.Valid([]byte(s))
}

func integer(n *yaml.Node, kind protoreflect.Kind) (v protoreflect.Value, why string) {
	least, most := integerRange(kind)
	wanted := fmt.Sprintf("want a whole number from %v to %v in decimal, got %s", least, most, describe(n))
	s, ok := number(n)
	if !ok {
		return v, wanted
	}
	i, ok := whole(s)
	if !ok || i.Cmp(least) < 0 || i.Cmp(most) > 0 {
		return v, wanted
	}
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(i.Int64())), ""
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(i.Uint64())), ""
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(i.Uint64()), ""
	default:
		return protoreflect.ValueOfInt64(i.Int64()), ""
	}
}

func integerRange(kind protoreflect.Kind) (least, most *big.Int) {
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return big.NewInt(math.MinInt32), big.NewInt(math.MaxInt32)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return new(big.Int), big.NewInt(math.MaxUint32)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return new(big.Int), new(big.Int).SetUint64(math.MaxUint64)
	default:
		return big.NewInt(math.MinInt64), big.NewInt(math.MaxInt64)
	}
}

// whole reads a JSON number that is integral, such as 1, 1.0, 1.5e1 or 100e-2.
// It works on the digits: 1e999999999 must not become a number of that length.
func whole(s string) (*big.Int, bool) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	integral, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(integral+fraction, "0")
	if digits == "" {
		return new(big.Int), true
	}
	point := -len(fraction)
	if exponent != "" {
		e, err := strconv.Atoi(exponent)
		if err != nil {
			return nil, false
		}
		point += e
	}
	short := strings.TrimRight(digits, "0")
	point += len(digits) - len(short)
	const longest = 20 // digits of the largest uint64
	if point < 0 || len(short)+point > longest {
		return nil, false
	}
	i, ok := new(big.Int).SetString(short+strings.Repeat("0", point), 10)
	if ok && negative {
		i.Neg(i)
	}
	return i, ok
}

func float(n *yaml.Node, bits int) (v protoreflect.Value, why string) {
	var (
		f   float64
		err error
	)
	if s, ok := number(n); ok {
		f, err = strconv.ParseFloat(s, bits)
	} else {
		f, ok = notFinite(n)
		if !ok {
			return v, "want a number, got " + describe(n)
		}
	}
	if err != nil {
		return v, fmt.Sprintf("want a number of %d bits, got %s", bits, describe(n))
	}
	if bits == 32 {
		return protoreflect.ValueOfFloat32(float32(f)), ""
	}
	return protoreflect.ValueOfFloat64(f), ""
}

// notFinite reads the JSON mapping's texts for what JSON has no numbers for.
func notFinite(n *yaml.Node) (float64, bool) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		switch n.Value {
		case "NaN":
			return math.NaN(), true
		case "Infinity":
			return math.Inf(1), true
		case "-Infinity":
			return math.Inf(-1), true
		}
	}
	return 0, false
}

// enum reads a value by its name or its number.
func enum(n *yaml.Node, ed protoreflect.EnumDescriptor) (v protoreflect.Value, why string) {
	var found protoreflect.EnumValueDescriptor
	if n.Kind == yaml.ScalarNode {
		switch n.ShortTag() {
		case "!!str":
			found = ed.Values().ByName(protoreflect.Name(n.Value))
		case "!!int", "!!float":
			if i, why := integer(n, protoreflect.Int32Kind); why == "" {
				found = ed.Values().ByNumber(protoreflect.EnumNumber(i.Int()))
			}
		}
	}
	if found == nil {
		return v, fmt.Sprintf("want one of %s, got %s%s", enumNames(ed), describe(n), suggestEnum(n.Value, ed))
	}
	return protoreflect.ValueOfEnum(found.Number()), ""
}
