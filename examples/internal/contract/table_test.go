package contract_test

// Names for sets of packages of other modules.
var (
	protobuf   = []string{"google.golang.org/protobuf/..."}
	grpc       = []string{"google.golang.org/grpc/...", "google.golang.org/genproto/googleapis/rpc/errdetails", "google.golang.org/genproto/googleapis/rpc/status"}
	middleware = []string{"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/..."}
	orca       = []string{"github.com/cncf/xds/go/xds/..."}
	yaml       = []string{"go.yaml.in/yaml/v3"}
	structured = []string{"github.com/dunglas/httpsfv"}
	otelAPI    = []string{
		"go.opentelemetry.io/otel",
		"go.opentelemetry.io/otel/attribute",
		"go.opentelemetry.io/otel/codes",
		"go.opentelemetry.io/otel/metric/...",
		"go.opentelemetry.io/otel/propagation",
		"go.opentelemetry.io/otel/semconv/...",
		"go.opentelemetry.io/otel/trace/...",
	}
)

// row says what packages may import beside the standard library: own patterns
// are within the module, others are import paths.
type row struct {
	packages string
	own      []string
	others   [][]string
}

// arrows is the architecture. The first row that names a package holds for it.
// Examples may import anything.
var arrows = []row{
	{packages: "proto/freshet/test/...", own: []string{"proto/freshet/v1"}, others: [][]string{protobuf, grpc}},
	{packages: "proto/...", others: [][]string{protobuf}},

	{packages: "cachepolicy/...", own: []string{"cachepolicy/...", "proto/freshet/v1"}, others: [][]string{protobuf, yaml, structured}},

	{
		packages: "interceptor/cache/...",
		own: []string{
			"interceptor/cache/internal/...", "interceptor/store", "interceptor/store/bigcachestore",
			"cachepolicy/...", "balancer/callstate",
		},
		others: [][]string{grpc, protobuf, middleware, otelAPI},
	},
	{packages: "interceptor/origin/...", own: []string{"cachepolicy/..."}, others: [][]string{grpc, protobuf, otelAPI}},
	{packages: "interceptor/store"},
	{packages: "interceptor/store/storetest", own: []string{"interceptor/store"}},
	{packages: "interceptor/store/bigcachestore", own: []string{"interceptor/store"}, others: [][]string{{"github.com/allegro/bigcache/v3"}}},

	{packages: "balancer/internal/conns", others: [][]string{grpc}},
	{packages: "balancer/internal/orca", others: [][]string{orca}},
	{packages: "balancer/internal/probe", own: []string{"balancer/internal/orca", "balancer/internal/report"}, others: [][]string{grpc, orca}},
	{packages: "balancer/internal/...", own: []string{"balancer/internal/..."}},
	{packages: "balancer/callstate"},
	{packages: "balancer/loadreport", own: []string{"balancer/internal/..."}, others: [][]string{grpc, orca, protobuf}},
	{packages: "balancer/virtual", own: []string{"balancer/..."}, others: [][]string{{"google.golang.org/grpc/codes"}}},
	{packages: "balancer", own: []string{"balancer/...", "resolver/endpoint"}, others: [][]string{grpc, orca}},

	{packages: "resolver/endpoint", others: [][]string{{"google.golang.org/grpc/resolver"}}},
	{packages: "resolver/internal/resolvertest", own: []string{"resolver/internal/...", "resolver/endpoint"}, others: [][]string{grpc}},
	{packages: "resolver/internal/...", own: []string{"resolver/internal/...", "resolver/endpoint"}, others: [][]string{grpc}},
	{packages: "resolver/dns", own: []string{"resolver/internal/...", "resolver/endpoint"}, others: [][]string{grpc}},
	{packages: "resolver/kubernetes", own: []string{"resolver/internal/...", "resolver/endpoint"}, others: [][]string{grpc}},
	{packages: "resolver/consul", own: []string{"resolver/internal/...", "resolver/endpoint"}, others: [][]string{grpc}},
	{packages: "resolver/keep", own: []string{"resolver/internal/..."}, others: [][]string{grpc}},
	{packages: "resolver/subset", own: []string{"resolver/internal/...", "resolver/endpoint"}, others: [][]string{grpc}},
	{packages: "resolver/merge", own: []string{"resolver/internal/..."}, others: [][]string{grpc}},
	{packages: "resolver/fallback", own: []string{"resolver/internal/...", "resolver/endpoint"}, others: [][]string{grpc}},
	{packages: "resolver/static", own: []string{"resolver/internal/..."}, others: [][]string{{"google.golang.org/grpc/resolver"}}},
	{
		packages: "resolver/file", own: []string{"resolver/internal/...", "resolver/endpoint"},
		others: [][]string{grpc, yaml},
	},
}

// wall says what packages must not reach, by however many steps.
type wall struct {
	packages string
	not      []string
	reason   string
}

var walls = []wall{
	{
		packages: "...", reason: "an application chooses its own SDK and exporters",
		not: []string{"go.opentelemetry.io/otel/sdk/...", "go.opentelemetry.io/otel/exporters/...", "go.opentelemetry.io/contrib/..."},
	},
	{
		packages: "...", reason: "modules for tests are for tests",
		not: []string{
			"github.com/google/go-cmp/...", "go.uber.org/goleak/...", "pgregory.net/rapid/...", "github.com/anishathalye/porcupine/...",
			module + "/proto/freshet/test/...", module + "/interceptor/store/storetest",
		},
	},
	{packages: "...", reason: "the library does not know its examples", not: []string{module + "/examples/..."}},
	{
		packages: "cachepolicy/...", reason: "rules know neither transport nor telemetry",
		not: []string{"google.golang.org/grpc/...", "go.opentelemetry.io/otel/..."},
	},
	{
		packages: "balancer/...", reason: "balancing does not know caching",
		not: []string{module + "/interceptor/...", module + "/cachepolicy/...", module + "/proto/..."},
	},
	{
		packages: "resolver/...", reason: "resolving knows neither caching nor balancing",
		not: []string{module + "/interceptor/...", module + "/cachepolicy/...", module + "/proto/...", module + "/balancer/..."},
	},
	{packages: "interceptor/cache/...", reason: "the cache meets any balancer through callstate", not: []string{module + "/balancer"}},
}
