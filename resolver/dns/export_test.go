package dns

import "google.golang.org/grpc/resolver"

// NameService is what is needed of net.Resolver.
type NameService = nameService

// NewBuilderOf returns a builder that asks a name service of the test, with
// random numbers from random.
func NewBuilderOf(names func(server string) NameService, random func() float64) resolver.Builder {
	return builder{names: names, random: random}
}
