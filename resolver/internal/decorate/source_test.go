package decorate_test

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/freshet-io/freshet/resolver/internal/decorate"
	"github.com/freshet-io/freshet/resolver/internal/list"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
)

// normal brings what it hands on into normal form.
type normal struct{ through }

func (f *normal) Update(s resolver.State) error { return f.out.Publish(list.Normal(s)) }

func TestNewSource(t *testing.T) {
	m := manual.NewBuilderWithScheme("m")
	for _, tt := range []struct {
		name    string
		builder resolver.Builder
		target  string
		want    string // of the error, or ""
	}{
		{"target", m, "m:///a:1", ""},
		{"registered", nil, "passthrough:///a:1", ""},
		{"the channel's own", m, "", ""},
		{"nothing", nil, "", "must have a target or a builder"},
		{"not registered", nil, "nope:///x", `no builder is registered for the scheme "nope"`},
		{"no scheme", nil, "a.example", `no builder is registered for the scheme ""`},
		{"another scheme", m, "dns:///x", `scheme must be its builder's, "m"`},
		{"malformed", m, "m:///%zz", "invalid URL escape"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := decorate.NewSource(tt.builder, tt.target)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestSourceAuthority(t *testing.T) {
	o := overriding{Resolver: manual.NewBuilderWithScheme("m")}
	for _, tt := range []struct {
		name, target, own, want string
	}{
		{"the channel names one", "m:///a:1", "x:///search.example", "search.example"},
		{"the channel names none", "m:///a:1", "x:///", "authority.of.m.a:1"},
		{"the source interprets the channel's target", "", "x:///a:2", "authority.of.m.a:2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := decorate.NewSource(o, tt.target)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Authority(resolvertest.Target(t, tt.own)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// If one of several cannot be built, those before it are closed.
func TestBuildClosesWhatItBuilt(t *testing.T) {
	refused := errors.New("refused")
	var closed []string
	source := func(scheme string, err error) decorate.Source {
		m := manual.NewBuilderWithScheme(scheme)
		m.CloseCallback = func() { closed = append(closed, scheme) }
		s, sourceErr := decorate.NewSource(overriding{Resolver: m, err: err}, scheme+":///x")
		if sourceErr != nil {
			t.Fatal(sourceErr)
		}
		return s
	}
	f := &through{}
	_, err := decorate.Build([]decorate.Source{source("a", nil), source("b", nil), source("c", refused), source("d", nil)},
		resolvertest.Target(t, "x:///"), resolvertest.NewChannel(t), resolver.BuildOptions{}, []decorate.Filter{f, f, f, f})
	if got := strings.Join(closed, " "); !errors.Is(err, refused) || got != "a b" {
		t.Errorf("got %v and %q closed, want %v and a b", err, got, refused)
	}
}
