package balancer_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/balancer"
)

// TestCallWaitsForAddresses is TestRoundRobin_NewAddressWhileBlocking and TestWaitForReady:
// a call that may wait does, while the resolver has nothing, and goes on when it has.
func TestCallWaitsForAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(2, nil)
		defer stopAll(servers)
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		if _, err := c.call(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.resolver.UpdateState(resolver.State{})
		synctest.Wait()
		if got := c.GetState(); got != connectivity.TransientFailure {
			t.Errorf("without addresses the channel is %v, want TRANSIENT_FAILURE", got)
		}
		waits := make(chan error, 1)
		go func() {
			_, err := c.call(context.Background(), grpc.WaitForReady(true))
			waits <- err
		}()
		<-time.After(time.Minute)
		select {
		case err := <-waits:
			t.Fatalf("a call that may wait ended with %v", err)
		default:
		}
		c.resolver.UpdateState(endpoints(addrs[1]))
		<-time.After(100 * time.Millisecond)
		select {
		case err := <-waits:
			if err != nil {
				t.Error(err)
			}
		default:
			t.Error("0.1 s after addresses came the call still waits")
		}
	})
}

// TestServersAreSwapped is TestServersSwap: the resolver replaces all servers by others,
// and no call fails.
func TestServersAreSwapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(6, nil)
		defer stopAll(servers)
		c := f.freshet(endpoints(addrs[:3]...))
		defer c.Close()
		var wg sync.WaitGroup
		wg.Go(func() {
			<-time.After(time.Second)
			c.resolver.UpdateState(endpoints(addrs[3:]...))
		})
		if tr := c.drive(300, 2*time.Second); tr.errors > 0 {
			t.Errorf("%d of %d calls failed, want 0", tr.errors, len(tr.latencies))
		}
		wg.Wait()
		if tr := c.drive(300, time.Second); tr.by[addrs[0]]+tr.by[addrs[1]]+tr.by[addrs[2]] > 0 || len(tr.by) != 3 {
			t.Errorf("after the swap calls went to %v, want only the others", tr.by)
		}
	})
}

// seeing are credentials that note what attributes a connection has.
type seeing struct {
	credentials.TransportCredentials
	saw func(*attributes.Attributes)
}

func (s seeing) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	s.saw(credentials.ClientHandshakeInfoFromContext(ctx).Attributes)
	return s.TransportCredentials.ClientHandshake(ctx, authority, conn)
}

func (s seeing) Clone() credentials.TransportCredentials { return s }

// TestAttributesReachTheConnection is TestAddressAttributesInNewSubConn and
// TestRoundRobin_UpdateAddressAttributes, but that new attributes of an address are used from
// the next connection on: the present one is not given up for them.
func TestAttributesReachTheConnection(t *testing.T) {
	type key struct{}
	for _, second := range []string{"", "10.9.0.1:443"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t)
			one := f.start(nil, "10.0.0.1:443")
			defer one.stop()
			of := func(value string) (s resolver.State) {
				e := resolver.Endpoint{Addresses: []resolver.Address{{Addr: "10.0.0.1:443", Attributes: attributes.New(key{}, value)}}}
				if second != "" {
					e.Addresses = append(e.Addresses, resolver.Address{Addr: second, Attributes: attributes.New(key{}, value)})
				}
				s.Endpoints = append(s.Endpoints, e)
				return s
			}
			var mu sync.Mutex
			var saw []string
			creds := seeing{insecure.NewCredentials(), func(a *attributes.Attributes) {
				mu.Lock()
				defer mu.Unlock()
				value, _ := a.Value(key{}).(string)
				saw = append(saw, value)
			}}
			r := of("old")
			c := f.channel(r, append(balancer.DialOptions(balancer.Config{}), grpc.WithTransportCredentials(creds))...)
			defer c.Close()
			want := func(when string, all ...string) {
				t.Helper()
				<-time.After(5 * time.Second)
				if _, err := c.call(t.Context()); err != nil {
					t.Errorf("%s a call ended with %v", when, err)
				}
				mu.Lock()
				defer mu.Unlock()
				if len(saw) != len(all) || saw[len(saw)-1] != all[len(all)-1] {
					t.Errorf("%s the connections had %q, want %q", when, saw, all)
				}
			}
			c.Connect()
			want("at first", "old")
			c.resolver.UpdateState(of("new"))
			want("with new attributes", "old")
			one.server.Stop()
			one.run()
			want("connected anew", "old", "new")
		})
	}
}
