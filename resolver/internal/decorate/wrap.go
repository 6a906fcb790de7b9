package decorate

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/resolver"
)

// Filter decides what of one resolver's words reaches the channel. Its methods
// may be called concurrently.
type Filter interface {
	// Update takes a state, in no particular form, and returns what the inner
	// resolver is told: nil, or the error by which it shall resolve again.
	Update(s resolver.State) error
	// Error takes an error that the inner resolver reports.
	Error(err error)
	// Close returns when nothing more is said to the channel.
	Close()
}

// Wrap returns a builder whose resolvers speak to the channel through a filter.
// Its scheme is the inner builder's, unless scheme is not "". It implements
// [resolver.AuthorityOverrider] if inner does. The error, which names what is
// wrong with inner or scheme, has no prefix.
func Wrap(inner resolver.Builder, scheme string, start func(resolver.ClientConn) Filter) (resolver.Builder, error) {
	if inner == nil {
		return nil, errors.New("builder must not be nil (resolver.Get returns nil for a scheme that is not registered)")
	}
	if scheme == "" {
		scheme = inner.Scheme()
	} else if err := CheckScheme(scheme); err != nil {
		return nil, err
	}
	b := builder{inner: inner, scheme: scheme, start: start}
	if _, ok := inner.(resolver.AuthorityOverrider); ok {
		return overrider{b}, nil
	}
	return b, nil
}

// CheckScheme accepts what a target can begin with (RFC 3986, section 3.1), in
// lower case, as gRPC wants schemes.
func CheckScheme(s string) error {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && !strings.ContainsRune("+-.", rune(c))) {
			return fmt.Errorf("scheme must be of a-z, 0-9, '+', '-' and '.', and begin with a letter, got %q", s)
		}
	}
	if s == "" {
		return errors.New("scheme must not be empty")
	}
	return nil
}

type builder struct {
	inner  resolver.Builder
	scheme string
	start  func(resolver.ClientConn) Filter
}

func (b builder) Scheme() string { return b.scheme }

func (b builder) Build(t resolver.Target, cc resolver.ClientConn, opts resolver.BuildOptions) (resolver.Resolver, error) {
	f := b.start(cc)
	inner, err := b.inner.Build(b.target(t), NewConn(cc, f), opts)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &wrapped{Resolver: inner, filter: f}, nil
}

// target returns t as the inner builder knows it, with its own scheme.
func (b builder) target(t resolver.Target) resolver.Target {
	t.URL.Scheme = b.inner.Scheme()
	return t
}

type overrider struct{ builder }

func (b overrider) OverrideAuthority(t resolver.Target) string {
	return Authority(b.inner, b.target(t))
}

type wrapped struct {
	resolver.Resolver

	filter Filter
}

func (w *wrapped) Close() {
	w.Resolver.Close()
	w.filter.Close()
}
