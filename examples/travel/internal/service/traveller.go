package service

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// travellerKey is the metadata key that says who calls. A real service would
// take it from verified credentials.
const travellerKey = "traveller"

// WithTraveller says who makes the calls of the context it returns.
func WithTraveller(ctx context.Context, name string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, travellerKey, name)
}

// OutgoingTraveller is who makes a client's call: the principal that the
// client's cache keeps replies apart by. A call of nobody in particular is
// anonymous, ""; one of two is an error.
func OutgoingTraveller(ctx context.Context) (string, error) {
	md, _ := metadata.FromOutgoingContext(ctx)
	switch names := md.Get(travellerKey); len(names) {
	case 0:
		return "", nil
	case 1:
		return names[0], nil
	}
	return "", errors.New("more than one traveller")
}

// incomingTraveller is who made the call that a server handles; "" is nobody in
// particular.
func incomingTraveller(ctx context.Context) (string, error) {
	names := metadata.ValueFromIncomingContext(ctx, travellerKey)
	switch len(names) {
	case 0:
		return "", nil
	case 1:
		return names[0], nil
	}
	return "", status.Errorf(codes.InvalidArgument, "metadata %q must be given once, got %d values", travellerKey, len(names))
}
