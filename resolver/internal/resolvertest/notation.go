// Package resolvertest has what the tests of several resolvers need: a notation
// for lists of endpoints, a channel that records what it is told, servers to
// connect to, and the lines that were logged.
//
//	cc := resolvertest.NewChannel(t)
//	r := resolvertest.Build(t, builder, "search:///x", cc)
//	inner.CC().UpdateState(resolvertest.State("b:2/1 a:1@eu*7"))
//	cc.Want("a:1@eu*7 b:2/1")
package resolvertest

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/grpc/experimental/balancer/weight"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/endpoint"
)

// State returns a state with the endpoints that s lists, separated by spaces:
// addresses separated by '|', then each as far as it is set '@' and the zone,
// '/' and the priority, '*' and the weight, and '~' for draining.
func State(s string) resolver.State {
	state := resolver.State{Endpoints: []resolver.Endpoint{}}
	for word := range strings.FieldsSeq(s) {
		state.Endpoints = append(state.Endpoints, parse(word))
	}
	return state
}

func parse(word string) (e resolver.Endpoint) {
	var info endpoint.Info
	word, info.Draining = strings.CutSuffix(word, "~")
	word, w, weighted := strings.Cut(word, "*")
	word, priority, _ := strings.Cut(word, "/")
	info.Priority, _ = strconv.Atoi(priority)
	word, info.Zone, _ = strings.Cut(word, "@")
	for a := range strings.SplitSeq(word, "|") {
		e.Addresses = append(e.Addresses, resolver.Address{Addr: a})
	}
	if e = endpoint.Set(e, info); weighted {
		n, _ := strconv.ParseUint(w, 10, 32)
		e = weight.Set(e, weight.EndpointInfo{Weight: uint32(n)})
	}
	return e
}

// String returns the list of s in the notation of [State].
func String(s resolver.State) string {
	words := make([]string, len(s.Endpoints))
	for i, e := range s.Endpoints {
		addresses := make([]string, len(e.Addresses))
		for j, a := range e.Addresses {
			addresses[j] = a.Addr
		}
		words[i] = strings.Join(addresses, "|")
		info := endpoint.Get(e)
		if info.Zone != "" {
			words[i] += "@" + info.Zone
		}
		if info.Priority > 0 {
			words[i] += fmt.Sprintf("/%d", info.Priority)
		}
		if w := weight.FromEndpoint(e).Weight; w > 0 {
			words[i] += fmt.Sprintf("*%d", w)
		}
		if info.Draining {
			words[i] += "~"
		}
	}
	return strings.Join(words, " ")
}
