// Package subject says what a cache must be able to do to be held against the
// conformance cases: very little. It is dial options, made from the cases' rules.
// What else a case needs of it (a way to invalidate, counters) it may have, by
// implementing the interfaces below; what a user would expect of a cache and it
// has not, is a case that it fails.
package subject

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/freshet-io/freshet/interceptor/store"
	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

// Setup is what a cache is made from.
type Setup struct {
	// Policy are the rules of the methods under test, as a policy file; Text is
	// the same as JSON.
	Policy *freshetv1.PolicyFile
	Text   []byte
	// Files are the descriptors of the methods: the linked-in ones if nil.
	Files *protoregistry.Files
	// Principal tells who calls; nil if nobody can say.
	Principal func(context.Context) (string, error)
	// MaxBytes is the budget.
	MaxBytes int64
	// Store, if not nil, is to be used for what is stored, by a cache that keeps
	// bytes and lets its store be replaced.
	Store store.Store
	// Logger and Meter take what the cache says.
	Logger *slog.Logger
	Meter  metric.MeterProvider
}

// Subject is a cache to be held against the cases.
type Subject interface {
	// Name is its name in tables and files.
	Name() string
	// About says in a sentence what it is.
	About() string
	// New makes one. An error is a failure of the case, "Setup".
	New(s Setup) (Cache, error)
}

// Cache is one cache, made for one case. It may serve several channels.
type Cache interface {
	// DialOptions put the cache in front of a channel.
	DialOptions() []grpc.DialOption
	// Close ends it: no goroutine may be left.
	Close() error
}

// Invalidator is a cache that can be told that groups of replies are untrue.
type Invalidator interface{ Invalidate(groups ...string) }

// SoftInvalidator is one that can be told that they are stale.
type SoftInvalidator interface{ InvalidateSoft(groups ...string) }

// Counter is a cache that counts what it does. Sum is the counter of all calls of
// methods with a rule, which must be the sum of Parts.
type Counter interface {
	Counters() map[string]uint64
	Parts() (sum string, parts []string)
}

// Wisher is a cache with options for single calls, such as "max-stale=10s" and
// "min-version=7". It reports false for one that it has not.
type Wisher interface {
	Option(name, value string) (grpc.CallOption, bool)
}

// Reporter is a cache that tells a caller how its call was answered. The words
// are asked for when the call has ended: "lagging", "stale", "validated".
type Reporter interface {
	Report() (option grpc.CallOption, words func() []string)
}

// StoreTaker is a cache that uses Setup.Store.
type StoreTaker interface{ TakesStore() }
