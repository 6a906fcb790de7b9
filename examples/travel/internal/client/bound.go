package client

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/freshet-io/freshet/examples/travel/internal/load"
	"github.com/freshet-io/freshet/examples/travel/internal/service"
	travelv1 "github.com/freshet-io/freshet/examples/travel/proto/freshet/examples/travel/v1"
	"github.com/freshet-io/freshet/interceptor/cache"
	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

// rules are the declared cache rules of the methods whose replies may be older
// than the call: read from the proto itself, and not by way of freshet, whose
// replies are judged by them.
var rules = map[load.Kind]*freshetv1.CacheRule{
	load.GetAirport: rule(travelv1.File_freshet_examples_travel_v1_directory_proto, "DirectoryService", "GetAirport"),
	load.GetFare:    rule(travelv1.File_freshet_examples_travel_v1_fares_proto, "FaresService", "GetFare"),
}

func rule(file protoreflect.FileDescriptor, service, method protoreflect.Name) *freshetv1.CacheRule {
	options := file.Services().ByName(service).Methods().ByName(method).Options()
	policy, _ := proto.GetExtension(options, freshetv1.E_Policy).(*freshetv1.MethodPolicy)
	return policy.GetCache()
}

// bound is how old, when its call began, a reply of a kind may be that came
// about as result says. What a server was asked for may not be old at all.
//
// Of seats nothing may be, whether it came from a server or not: the one reply
// that is reused is that of a sold seat, which stays true.
func bound(kind load.Kind, result cache.Result) time.Duration {
	r := rules[kind]
	if r == nil {
		return 0
	}
	switch result {
	case cache.Hit, cache.Collapsed:
		return r.GetMaxAge().AsDuration()
	case cache.Stale:
		return r.GetMaxAge().AsDuration() + r.GetStaleIfError().AsDuration()
	}
	return 0
}

// MaxAge is how old a reply of a service that comes from a cache may be while
// servers answer.
func MaxAge(name service.Name) time.Duration {
	kinds := map[service.Name]load.Kind{
		service.Directory: load.GetAirport, service.Fares: load.GetFare, service.Seats: load.GetSeat,
	}
	return bound(kinds[name], cache.Hit)
}
