package list

import (
	"slices"

	"google.golang.org/grpc/resolver"
)

// Same reports whether two states in normal form say the same. A service config
// is the same only if it is the very one that was parsed: what is not known to
// be equal counts as different, since to publish twice costs little and to
// withhold a change costs much.
func Same(a, b resolver.State) bool {
	if a.ServiceConfig != b.ServiceConfig {
		return false
	}
	return comparably(func() bool {
		return a.Attributes.Equal(b.Attributes) && slices.EqualFunc(a.Endpoints, b.Endpoints, sameEndpoint)
	})
}

func sameEndpoint(a, b resolver.Endpoint) bool {
	return slices.EqualFunc(a.Addresses, b.Addresses, resolver.Address.Equal) && a.Attributes.Equal(b.Attributes)
}

// comparably returns what equal returns, and false where somebody's attribute
// is of a type that cannot be compared, at which gRPC's comparison panics.
func comparably(equal func() bool) (result bool) {
	defer func() {
		if recover() != nil {
			result = false
		}
	}()
	return equal()
}
