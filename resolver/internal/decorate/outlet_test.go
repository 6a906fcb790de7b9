package decorate_test

import (
	"errors"
	"testing"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/decorate"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
)

func TestOutletTellsNothingTwice(t *testing.T) {
	cc := resolvertest.NewChannel(t)
	out := decorate.NewOutlet(cc)
	publish := func(s string, want error) {
		t.Helper()
		state := resolvertest.State(s)
		for _, e := range state.Endpoints {
			state.Addresses = append(state.Addresses, e.Addresses...)
		}
		if err := out.Publish(state); !errors.Is(err, want) {
			t.Errorf("Publish(%q): got %v, want %v", s, err, want)
		}
	}
	publish("a:1", nil)
	publish("a:1", nil)
	cc.Want("a:1")
	publish("a:1*2", nil)
	cc.Want("a:1*2")

	out.Fail(errors.New("down"))
	publish("a:1*2", nil)
	publish("a:1*2", nil)
	cc.Want("! down", "a:1*2")

	refused := errors.New("refused")
	cc.Refuse(refused)
	publish("b:1", refused)
	publish("b:1", refused)
	cc.Want("b:1", "b:1")
	publish("a:1*2", refused)
	cc.Refuse(nil)
	publish("a:1*2", nil)
	publish("a:1*2", nil)
	cc.Want("a:1*2", "a:1*2")
}

// A text that is parsed again is the same config; a text in between is another.
func TestServiceConfigsAreParsedOnce(t *testing.T) {
	f := &through{}
	c := decorate.NewConn(resolvertest.NewChannel(t), f)
	a := c.ParseServiceConfig("{}")
	if b := c.ParseServiceConfig("{}"); a != b {
		t.Error("the same text: got another result, want the same")
	}
	if b := c.ParseServiceConfig(`{"x":1}`); a == b || b.Err.Error() != `{"x":1}` {
		t.Errorf("another text: got %v", b)
	}
}

func TestNewAddressIsAState(t *testing.T) {
	cc := resolvertest.NewChannel(t)
	c := decorate.NewConn(cc, &normal{through{out: decorate.NewOutlet(cc)}})
	c.NewAddress([]resolver.Address{{Addr: "a:1"}})
	cc.Want("a:1")
}
