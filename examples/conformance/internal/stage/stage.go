// Package stage plays conformance cases: a scripted origin behind real gRPC
// servers, real clients with a cache in front of them, over in-memory connections,
// in a bubble of testing/synctest, so that hours of the script take no time.
//
// What came of a call is judged by the origin's log and not by what the cache
// says: every reply carries the number of the origin's call that it comes from.
// Only cases about what a cache says look at that.
package stage

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/stats"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject"
	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

const (
	service    = "/freshet.test.v1.Shop/"
	defaultMax = 1 << 20
)

// Stage is what one case is played on. Its methods are for one goroutine.
type Stage struct {
	Cache subject.Cache

	scene    script.Scene
	ctx      context.Context
	base     time.Time
	origin   *ledger
	backends []*backend
	channels map[string]*channel
	streams  atomic.Int64
	store    *badStore
	ruled    map[string]bool // methods with a cache rule
	counted  atomic.Uint64   // calls of those that have ended
	pending  map[string]*batch
	log      *logBook
	unknown  grpc.StreamHandler
}

// channel is a client connection.
type channel struct {
	conn     *grpc.ClientConn
	resolver *manual.Resolver
}

// Options are what a Go function may want beyond a scene.
type Options struct {
	Principal func(context.Context) (string, error)
	Meter     metric.MeterProvider
	Dial      []grpc.DialOption // behind the cache
	// Files are the descriptors of the methods, and Unknown answers those that
	// are not the shop's.
	Files   *protoregistry.Files
	Unknown grpc.StreamHandler
}

// open builds a stage. It must run within a bubble, and be closed there.
func open(ctx context.Context, s subject.Subject, scene script.Scene, opts Options) (*Stage, error) {
	policy, text, err := policyOf(scene)
	if err != nil {
		return nil, fault("Setup", "%v", err)
	}
	st := &Stage{
		scene: scene, ctx: ctx, base: time.Now(), origin: &ledger{}, channels: map[string]*channel{},
		ruled: map[string]bool{}, pending: map[string]*batch{}, log: &logBook{}, unknown: opts.Unknown,
	}
	for _, e := range policy.GetMethods() {
		st.ruled[e.GetMethod()] = e.GetPolicy().GetCache() != nil
	}
	st.origin.answer(scene.Origin)
	setup := subject.Setup{
		Policy: policy, Text: text, Files: opts.Files, Principal: opts.Principal, MaxBytes: scene.MaxBytes,
		Logger: slog.New(slog.NewTextHandler(st.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Meter:  opts.Meter,
	}
	if setup.MaxBytes == 0 {
		setup.MaxBytes = defaultMax
	}
	if scene.Principal && setup.Principal == nil {
		setup.Principal = authorization
	}
	if scene.Store != "" {
		st.store = newBadStore(scene.Store)
		setup.Store = st.store
	}
	if st.Cache, err = s.New(setup); err != nil {
		return nil, fault("Setup", "%v", err)
	}
	if _, ok := st.Cache.(subject.StoreTaker); scene.Store != "" && !ok {
		_ = st.Cache.Close()
		return nil, fault("Setup", "%s has no store that could be replaced", s.Name())
	}
	for i := range max(1, scene.Backends) {
		b := &backend{stage: st, number: i + 1}
		st.backends = append(st.backends, b)
		if err := b.up(text); err != nil {
			st.close()
			return nil, fault("Setup", "%v", err)
		}
	}
	if _, err := st.dial("shop", opts.Dial...); err != nil {
		st.close()
		return nil, fault("Setup", "%v", err)
	}
	return st, nil
}

// policyOf makes the policy file of a scene.
func policyOf(scene script.Scene) (*freshetv1.PolicyFile, []byte, error) {
	rule := map[string]any{"max_age": "3600s", "default_max_age": "0s", "scope": "PUBLIC"}
	for k, v := range scene.Rule {
		if rule[k] = v; v == nil {
			delete(rule, k)
		}
	}
	methods := map[string]any{"GetProduct": map[string]any{"cache": rule}}
	for name, p := range scene.Methods {
		methods[name] = p
	}
	var entries []any
	for name, p := range methods {
		if !strings.HasPrefix(name, "/") {
			name = service + name
		}
		entries = append(entries, map[string]any{"method": name, "policy": p})
	}
	text, err := json.Marshal(map[string]any{"methods": entries})
	if err != nil {
		return nil, nil, err
	}
	policy := &freshetv1.PolicyFile{}
	if err := protojson.Unmarshal(text, policy); err != nil {
		return nil, nil, fmt.Errorf("the rules of the case: %w", err)
	}
	return policy, text, nil
}

// authorization names a caller by what it sends.
func authorization(ctx context.Context) (string, error) {
	if v := metadata.ValueFromOutgoingContext(ctx, "authorization"); len(v) > 0 {
		return v[0], nil
	}
	return "", nil
}

// close ends all.
func (st *Stage) close() {
	for _, b := range st.pending {
		b.cancel()
	}
	for _, c := range st.channels {
		_ = c.conn.Close()
	}
	_ = st.Cache.Close()
	for _, b := range st.backends {
		b.down()
	}
}

// HandleRPC counts the streams that are opened; see [stats.Handler].
func (st *Stage) HandleRPC(_ context.Context, s stats.RPCStats) {
	if _, ok := s.(*stats.Begin); ok {
		st.streams.Add(1)
	}
}

// TagRPC does nothing.
func (*Stage) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// TagConn does nothing.
func (*Stage) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn does nothing.
func (*Stage) HandleConn(context.Context, stats.ConnStats) {}

// logBook keeps what is logged.
type logBook struct {
	mu   sync.Mutex
	text []byte
}

// Write keeps a line.
func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

// Logged returns all that the cache has logged.
func (st *Stage) Logged() string {
	st.log.mu.Lock()
	defer st.log.mu.Unlock()
	return string(st.log.text)
}
