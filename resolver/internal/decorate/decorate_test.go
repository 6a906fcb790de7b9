package decorate_test

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/freshet-io/freshet/resolver/internal/decorate"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// through hands on everything.
type through struct {
	out    *decorate.Outlet
	closed bool
}

func (f *through) Update(s resolver.State) error { return f.out.Publish(s) }
func (f *through) Error(err error)               { f.out.Fail(err) }
func (f *through) Close()                        { f.closed = true }

// overriding is a builder that names an authority, and perhaps refuses targets.
type overriding struct {
	*manual.Resolver

	err error
}

func (o overriding) OverrideAuthority(t resolver.Target) string {
	return "authority.of." + t.URL.Scheme + "." + t.Endpoint()
}

func (o overriding) Build(t resolver.Target, cc resolver.ClientConn, opts resolver.BuildOptions) (resolver.Resolver, error) {
	if o.err != nil {
		return nil, o.err
	}
	return o.Resolver.Build(t, cc, opts)
}

func wrap(t *testing.T, b resolver.Builder, scheme string) (resolver.Builder, *through) {
	t.Helper()
	f := &through{}
	w, err := decorate.Wrap(b, scheme, func(cc resolver.ClientConn) decorate.Filter {
		f.out = decorate.NewOutlet(cc)
		return f
	})
	if err != nil {
		t.Fatal(err)
	}
	return w, f
}

func TestSchemes(t *testing.T) {
	inner := manual.NewBuilderWithScheme("inner")
	var built resolver.Target
	inner.BuildCallback = func(t resolver.Target, _ resolver.ClientConn, _ resolver.BuildOptions) { built = t }
	for _, tt := range []struct{ name, scheme, want string }{
		{"its own", "", "inner"},
		{"given", "inner+x", "inner+x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, _ := wrap(t, inner, tt.scheme)
			if got := b.Scheme(); got != tt.want {
				t.Errorf("scheme: got %q, want %q", got, tt.want)
			}
			resolvertest.Build(t, b, tt.want+"://host/name?o=1", resolvertest.NewChannel(t))
			if got, want := built.URL.String(), "inner://host/name?o=1"; got != want {
				t.Errorf("the inner target: got %q, want %q", got, want)
			}
		})
	}
	for _, bad := range []string{"Upper", "1x", "a b", "a/b"} {
		if _, err := decorate.Wrap(inner, bad, nil); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("scheme %q: got %v, want an error that names it", bad, err)
		}
	}
	if _, err := decorate.Wrap(resolver.Get("no such scheme"), "", nil); err == nil || !strings.Contains(err.Error(), "must not be nil") {
		t.Errorf("nil builder: got %v, want an error", err)
	}
	if err := decorate.CheckScheme(""); err == nil {
		t.Error("empty scheme: got no error")
	}
}

// A decorator changes nothing about the authority that gRPC gives a channel.
func TestAuthority(t *testing.T) {
	for _, tt := range []struct {
		name, target, scheme string
		builder              resolver.Builder
		want                 string
	}{
		{"of the builder", "inner:///a:1", "", overriding{Resolver: manual.NewBuilderWithScheme("inner")}, "authority.of.inner.a:1"},
		{"of the builder, under another scheme", "x:///a:1", "x", overriding{Resolver: manual.NewBuilderWithScheme("inner")}, "authority.of.inner.a:1"},
		{"gRPC's", "inner:///a:1", "", manual.NewBuilderWithScheme("inner"), "a:1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, _ := wrap(t, tt.builder, tt.scheme)
			o, ok := b.(resolver.AuthorityOverrider)
			if _, want := tt.builder.(resolver.AuthorityOverrider); ok != want {
				t.Fatalf("implements AuthorityOverrider: got %v, want %v", ok, want)
			}
			if !ok {
				return
			}
			if got := o.OverrideAuthority(resolvertest.Target(t, tt.target)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// What Authority says of a builder that names none is what gRPC says.
func TestAuthorityIsGRPCs(t *testing.T) {
	for _, target := range []string{
		"m:///a.example:443", "m:///:443", "m:///a/b", "m:///a%20b%25", "m:///[::1]:80", "m:///b%C3%BC", "m:///a,b;c=d", "m:x", "m://h/p?q=r",
	} {
		b := manual.NewBuilderWithScheme("m")
		got := make(chan string, 1)
		b.BuildCallback = func(_ resolver.Target, _ resolver.ClientConn, o resolver.BuildOptions) { got <- o.Authority }
		cc, err := grpc.NewClient(target, grpc.WithResolvers(b), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
		if err != nil {
			t.Fatal(err)
		}
		cc.Connect()
		if want, got := <-got, decorate.Authority(b, resolvertest.Target(t, target)); got != want {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
		cc.Close()
	}
}

func TestCloseAndResolveNow(t *testing.T) {
	inner := manual.NewBuilderWithScheme("inner")
	var calls []string
	b, f := wrap(t, inner, "")
	inner.ResolveNowCallback = func(resolver.ResolveNowOptions) { calls = append(calls, "resolve now") }
	inner.CloseCallback = func() {
		calls = append(calls, "close")
		if f.closed {
			t.Error("the filter was closed before the inner resolver")
		}
	}
	r := resolvertest.Build(t, b, "inner:///x", resolvertest.NewChannel(t))
	r.ResolveNow(resolver.ResolveNowOptions{})
	r.Close()
	if got := strings.Join(calls, ", "); got != "resolve now, close" || !f.closed {
		t.Errorf("the inner resolver heard %q, filter closed: %v, want resolve now, close, true", got, f.closed)
	}
}

func TestABuildThatFails(t *testing.T) {
	refused := errors.New("refused")
	b, f := wrap(t, overriding{Resolver: manual.NewBuilderWithScheme("inner"), err: refused}, "")
	_, err := b.Build(resolvertest.Target(t, "inner:///x"), resolvertest.NewChannel(t), resolver.BuildOptions{})
	if !errors.Is(err, refused) || !f.closed {
		t.Errorf("got %v, filter closed: %v, want %v and true", err, f.closed, refused)
	}
}
