package xds_test

import (
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"

	clusterpb "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointpb "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerpb "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routepb "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerpb "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	managerpb "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discoverypb "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	service = "catalogue"
	cluster = "catalogue-cluster"
)

// plane is an xDS control plane of one service. It answers each subscription
// with all resources of the type, and again when the endpoints change.
type plane struct {
	discoverypb.UnimplementedAggregatedDiscoveryServiceServer

	mu        sync.Mutex
	version   int
	resources map[string][]proto.Message // by type
	changed   chan struct{}              // closed by the next change
}

// startPlane serves a plane and returns it with the bootstrap configuration of
// its clients.
func startPlane(t *testing.T, policy *clusterpb.LoadBalancingPolicy, backends ...string) (*plane, []byte) {
	t.Helper()
	p := &plane{changed: make(chan struct{})}
	p.resources = map[string][]proto.Message{
		typeOf(t, &listenerpb.Listener{}): {listener(t)},
		typeOf(t, &clusterpb.Cluster{}):   {clusterOf(policy)},
	}
	p.setEndpoints(t, backends...)
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	discoverypb.RegisterAggregatedDiscoveryServiceServer(server, p)
	served := make(chan error, 1)
	go func() { served <- server.Serve(lis) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Errorf("control plane: %v", err)
		}
	})
	return p, fmt.Appendf(nil, `{
		"xds_servers": [{"server_uri": %q, "channel_creds": [{"type": "insecure"}]}],
		"node": {"id": "client-1"}
	}`, "passthrough:///"+lis.Addr().String())
}

// setEndpoints replaces the cluster's endpoints, all in one locality.
func (p *plane) setEndpoints(t *testing.T, backends ...string) {
	t.Helper()
	assignment := &endpointpb.ClusterLoadAssignment{ClusterName: cluster, Endpoints: []*endpointpb.LocalityLbEndpoints{{
		Locality:            &corepb.Locality{Region: "here", Zone: "a"},
		LoadBalancingWeight: wrapperspb.UInt32(1),
	}}}
	for _, b := range backends {
		assignment.Endpoints[0].LbEndpoints = append(assignment.Endpoints[0].LbEndpoints, &endpointpb.LbEndpoint{
			HostIdentifier: &endpointpb.LbEndpoint_Endpoint{Endpoint: &endpointpb.Endpoint{Address: socket(t, b)}},
		})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resources[typeOf(t, assignment)] = []proto.Message{assignment}
	p.version++
	close(p.changed)
	p.changed = make(chan struct{})
}

// StreamAggregatedResources serves one client (the state-of-the-world variant).
func (p *plane) StreamAggregatedResources(s discoverypb.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	requests, gone := make(chan *discoverypb.DiscoveryRequest), make(chan error, 1)
	go func() {
		for {
			r, err := s.Recv()
			if err != nil {
				gone <- err
				return
			}
			select {
			case requests <- r:
			case <-s.Context().Done():
				return
			}
		}
	}()
	sent := make(map[string]int) // version by type
	for {
		p.mu.Lock()
		changed, version := p.changed, p.version
		p.mu.Unlock()
		select {
		case r := <-requests:
			if r.GetErrorDetail() != nil {
				return fmt.Errorf("the client refuses %s: %v", r.GetTypeUrl(), r.GetErrorDetail())
			}
			if _, subscribed := sent[r.GetTypeUrl()]; subscribed && r.GetVersionInfo() != "" {
				continue // an acknowledgement
			}
			sent[r.GetTypeUrl()] = version
			if err := p.send(s, r.GetTypeUrl(), version); err != nil {
				return err
			}
		case <-changed:
			for url := range sent {
				if err := p.send(s, url, version+1); err != nil {
					return err
				}
			}
		case <-gone:
			return nil
		case <-s.Context().Done():
			return s.Context().Err()
		}
	}
}

func (p *plane) send(s discoverypb.AggregatedDiscoveryService_StreamAggregatedResourcesServer, url string, version int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	reply := &discoverypb.DiscoveryResponse{TypeUrl: url, VersionInfo: strconv.Itoa(version), Nonce: strconv.Itoa(version)}
	for _, m := range p.resources[url] {
		packed, err := anypb.New(m)
		if err != nil {
			return err
		}
		reply.Resources = append(reply.Resources, packed)
	}
	return s.Send(reply)
}

func listener(t *testing.T) *listenerpb.Listener {
	manager := &managerpb.HttpConnectionManager{
		RouteSpecifier: &managerpb.HttpConnectionManager_RouteConfig{RouteConfig: &routepb.RouteConfiguration{
			Name: "route",
			VirtualHosts: []*routepb.VirtualHost{{Name: "all", Domains: []string{"*"}, Routes: []*routepb.Route{{
				Match: &routepb.RouteMatch{PathSpecifier: &routepb.RouteMatch_Prefix{Prefix: ""}},
				Action: &routepb.Route_Route{Route: &routepb.RouteAction{
					ClusterSpecifier: &routepb.RouteAction_Cluster{Cluster: cluster},
				}},
			}}}},
		}},
		HttpFilters: []*managerpb.HttpFilter{{
			Name:       "router",
			ConfigType: &managerpb.HttpFilter_TypedConfig{TypedConfig: packed(t, &routerpb.Router{})},
		}},
	}
	return &listenerpb.Listener{Name: service, ApiListener: &listenerpb.ApiListener{ApiListener: packed(t, manager)}}
}

func clusterOf(policy *clusterpb.LoadBalancingPolicy) *clusterpb.Cluster {
	return &clusterpb.Cluster{
		Name:                 cluster,
		ClusterDiscoveryType: &clusterpb.Cluster_Type{Type: clusterpb.Cluster_EDS},
		EdsClusterConfig: &clusterpb.Cluster_EdsClusterConfig{EdsConfig: &corepb.ConfigSource{
			ConfigSourceSpecifier: &corepb.ConfigSource_Ads{Ads: &corepb.AggregatedConfigSource{}},
		}},
		LoadBalancingPolicy: policy,
	}
}

func socket(t *testing.T, hostPort string) *corepb.Address {
	t.Helper()
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return &corepb.Address{Address: &corepb.Address_SocketAddress{SocketAddress: &corepb.SocketAddress{
		Address: host, PortSpecifier: &corepb.SocketAddress_PortValue{PortValue: uint32(n)},
	}}}
}

func packed(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	a, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func typeOf(t *testing.T, m proto.Message) string { return packed(t, m).GetTypeUrl() }
