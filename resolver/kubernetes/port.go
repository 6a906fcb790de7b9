package kubernetes

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/freshet-io/freshet/resolver/internal/target"
)

// portOf returns the port of a slice that a target's port means.
//
// A name is looked up in each slice, because one name may be another number in
// another slice: the pods of a Service need not agree. A number is that of the
// pods, not of the Service, which slices do not hold; it must be one of the
// slice's, so that the number of the Service is told to be wrong and not dialled
// in vain. Slices without ports, as a headless Service without ports has them,
// and ports without a number, which stand for all, take any number.
func (s *slice) portOf(want string) (string, error) {
	number, err := strconv.ParseUint(want, 10, 16)
	numbered := err == nil
	if numbered {
		want = strconv.FormatUint(number, 10) // without leading zeros
		if len(s.Ports) == 0 {
			return want, nil
		}
	}
	var known []string
	var only string
	for _, p := range s.Ports {
		switch {
		case p.Protocol != "" && p.Protocol != "TCP":
			continue
		case p.Port == nil && numbered:
			return want, nil
		case p.Port == nil || *p.Port < 1 || *p.Port > 65535:
			continue
		}
		only = strconv.Itoa(int(*p.Port))
		if numbered && only == want || !numbered && want != "" && p.Name == want {
			return only, nil
		}
		known = append(known, describe(p.Name, only))
	}
	switch {
	case want == "" && len(known) == 1:
		return only, nil
	case want == "":
		return "", fmt.Errorf("the target must name one of its ports, %s", list(known))
	case numbered:
		return "", fmt.Errorf("no pod has port %s, known: %s; a Service's own port is reached by its name", want, list(known))
	default:
		return "", fmt.Errorf("no port is called %s, known: %s", target.Quote(want), list(known))
	}
}

func describe(name, number string) string {
	if name == "" {
		return number
	}
	return target.Quote(name) + " (" + number + ")"
}

func list(known []string) string {
	if len(known) == 0 {
		return "none"
	}
	return strings.Join(known, ", ")
}
