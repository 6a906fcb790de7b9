// Package freshet puts freshet's cache under the conformance cases.
package freshet

import (
	"google.golang.org/grpc"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject"
	"github.com/freshet-io/freshet/interceptor/cache"
)

// Subject is freshet's cache, as it comes.
type Subject struct{}

// Name returns "freshet".
func (Subject) Name() string { return "freshet" }

// About says what it is.
func (Subject) About() string { return "this module's `interceptor/cache`, with its default store" }

// New makes a cache with the policy file of the case, and nothing else.
func (Subject) New(s subject.Setup) (subject.Cache, error) {
	parse := cachepolicy.Parse
	if s.Files != nil {
		parse = func(name string, data []byte) (*cachepolicy.Set, error) {
			return cachepolicy.ParseFor(s.Files, name, data)
		}
	}
	policies, err := parse("case.json", s.Text)
	if err != nil {
		return nil, err
	}
	opts := []cache.Option{
		cache.WithoutAnnotations(), cache.WithPolicies(policies), cache.WithMaxBytes(s.MaxBytes),
		cache.WithLogger(s.Logger), cache.WithPrincipal(s.Principal),
	}
	if s.Store != nil {
		opts = append(opts, cache.WithStore(s.Store))
	}
	if s.Meter != nil {
		opts = append(opts, cache.WithMeterProvider(s.Meter))
	}
	c, err := cache.New(opts...)
	if err != nil {
		return nil, err
	}
	return &under{c}, nil
}

type under struct{ *cache.Cache }

// TakesStore says that it does.
func (*under) TakesStore() {}

// Parts are the results that a call can have.
func (*under) Parts() (sum string, parts []string) {
	return "Calls", []string{"Hits", "Stale", "Validated", "Misses", "Collapsed", "Bypassed", "Errors"}
}

// Report has the call's outcome reported.
func (*under) Report() (option grpc.CallOption, words func() []string) {
	var o cache.Outcome
	return cache.Report(&o), func() []string { return wordsOf(&o) }
}
