package conns

import (
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/resolver"
)

// keyOf names an endpoint by its set of addresses: by Addr and ServerName of each,
// in any order, whatever the attributes. An endpoint that repeats an address has
// it once.
//
// The usual endpoint has one address and no server name, and is its address. All
// others start with a NUL and give lengths, so no two sets have the same key.
func keyOf(addrs []resolver.Address) string {
	if len(addrs) == 1 && addrs[0].ServerName == "" && !strings.HasPrefix(addrs[0].Addr, "\x00") {
		return addrs[0].Addr
	}
	parts := make([]string, 0, len(addrs))
	for _, a := range addrs {
		parts = append(parts, strconv.Itoa(len(a.Addr))+":"+a.Addr+a.ServerName)
	}
	slices.Sort(parts)
	parts = slices.Compact(parts)
	if len(parts) == 1 && addrs[0].ServerName == "" && !strings.HasPrefix(addrs[0].Addr, "\x00") {
		return addrs[0].Addr
	}
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte(0)
		b.WriteString(strconv.Itoa(len(p)))
		b.WriteByte(':')
		b.WriteString(p)
	}
	return b.String()
}

// single returns the only address of an endpoint, or false if it has several.
func single(e resolver.Endpoint) (resolver.Address, bool) {
	for _, a := range e.Addresses[1:] {
		if !sameHost(a, e.Addresses[0]) {
			return resolver.Address{}, false
		}
	}
	return e.Addresses[0], true
}

func sameHost(a, b resolver.Address) bool {
	return a.Addr == b.Addr && a.ServerName == b.ServerName
}

// sameEndpoint reports whether two endpoints of one key show the same to a policy.
func sameEndpoint(a, b resolver.Endpoint) bool {
	return a.Attributes.Equal(b.Attributes) && sameAddresses(a.Addresses, b.Addresses)
}

// sameAddresses reports whether two lists with the same set of hosts also agree in
// the attributes, in any order.
func sameAddresses(a, b []resolver.Address) bool {
	return !slices.ContainsFunc(a, func(x resolver.Address) bool {
		return !slices.ContainsFunc(b, func(y resolver.Address) bool { return sameAddress(x, y) })
	})
}

func sameAddress(a, b resolver.Address) bool {
	return sameHost(a, b) && a.Attributes.Equal(b.Attributes)
}
