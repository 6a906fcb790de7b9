package cachepolicy

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/freshet-io/freshet/cachepolicy/wire"
	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

const (
	maxVary     = 16
	maxMetaKeys = 64
)

// compile turns a method's policy into its usable form, recording every fault.
func (s source) compile(md protoreflect.MethodDescriptor, mp *freshetv1.MethodPolicy) *Policy {
	s.refuseUnknown("", mp.ProtoReflect())
	p := &Policy{Method: s.method, Safe: declaredSafe(md)}
	if c := mp.GetCache(); c != nil {
		if c.GetAssumeSafe() {
			if s.text != nil {
				p.Safe = true
			} else {
				s.fault("cache.assume_safe", "only a policy file may assume that a method is safe: annotate it with idempotency_level = NO_SIDE_EFFECTS")
			}
		}
		s.cacheable(md, p.Safe)
		p.Cache = s.rule(md, c)
	}
	if inv := mp.GetInvalidates(); inv != nil {
		p.Invalidates, p.InvalidatesSoftly = s.invalidation(md, inv, p.Safe), inv.GetSoft()
	}
	return p
}

// cacheable refuses rules for methods whose replies cannot be reused at all.
func (s source) cacheable(md protoreflect.MethodDescriptor, safe bool) {
	if md.IsStreamingClient() || md.IsStreamingServer() {
		s.fault("cache", "a streaming method cannot be cached")
	}
	if !safe && !s.unread("cache.assume_safe") {
		s.fault("cache", "only a method without side effects can be cached: set idempotency_level = NO_SIDE_EFFECTS, or assume_safe in a policy file")
	}
}

func (s source) rule(md protoreflect.MethodDescriptor, c *freshetv1.CacheRule) *Rule {
	r := &Rule{MaxEntryBytes: int(c.GetMaxEntryBytes()), SharedReply: c.GetSharedReply()}
	s.lifetimes(r, c)
	s.negative(r, c)
	switch c.GetScope() {
	case freshetv1.CacheRule_SCOPE_UNSPECIFIED, freshetv1.CacheRule_PRINCIPAL:
		r.Scope = Principal
	case freshetv1.CacheRule_PUBLIC:
		r.Scope = Public
	default:
		s.fault("cache.scope", "want PRINCIPAL or PUBLIC, got %d", c.GetScope())
	}
	r.Vary = s.metadataKeys("cache.vary", c.GetVary(), maxVary)
	for i, k := range c.GetVary() {
		if neverSeen(k) {
			s.fault(index("cache.vary", i), "%q is set below every interceptor and cannot be part of the key", k)
		}
	}
	r.Strip = s.metadataKeys("cache.strip", c.GetStrip(), maxMetaKeys)
	for i, k := range c.GetStrip() {
		if saysReuse(k) {
			s.fault(index("cache.strip", i), "%q tells those who build on the reply how long it is true and cannot be left out", k)
		}
	}
	for i, text := range c.GetKeyExclude() {
		at := index("cache.key_exclude", i)
		if s.unread(at) {
			continue
		}
		path, reason := compilePath(md.Input(), text)
		if reason != "" {
			s.fault(at, "%s", reason)
			continue
		}
		r.excluded = append(r.excluded, path)
	}
	r.Groups = s.groups("cache.groups", md, c.GetGroups())
	s.refuseExcludedGroups(r)
	s.reachable(r)
	r.Batch = s.batch(md, c.GetBatch())
	return r
}

// metadataKeys checks a list of metadata keys and returns it sorted.
func (s source) metadataKeys(field string, keys []string, limit int) []string {
	if len(keys) > limit {
		s.fault(field, "at most %d keys, got %d", limit, len(keys))
		return nil
	}
	out := make([]string, 0, len(keys))
	for i, k := range keys {
		switch {
		case s.unread(index(field, i)):
			continue
		case !validMetadataKey(k):
			s.fault(index(field, i), "want a metadata key of lower-case letters, digits, '-', '_' and '.', got %q", k)
		case strings.HasPrefix(k, "grpc-"):
			s.fault(index(field, i), "keys that begin with \"grpc-\" belong to gRPC, got %q", k)
		case slices.Contains(out, k):
			s.fault(index(field, i), "%q stands here twice", k)
		}
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// validMetadataKey follows gRPC's PROTOCOL-HTTP2: "Header-Name → 1*( %x30-39 /
// %x61-7A / "_" / "-" / ".") ; 0-9 a-z _ - .".
func validMetadataKey(k string) bool {
	if k == "" {
		return false
	}
	for i := range len(k) {
		b := k[i]
		if (b < '0' || b > '9') && (b < 'a' || b > 'z') && b != '_' && b != '-' && b != '.' {
			return false
		}
	}
	return true
}

// neverSeen lists request headers that the transport adds below interceptors.
func neverSeen(key string) bool {
	return key == "content-type" || key == "te" || key == "user-agent"
}

// saysReuse lists the response metadata that says how a reply may be reused: a
// server that reads through a cache passes it on.
func saysReuse(key string) bool {
	switch key {
	case wire.KeyCacheControl, wire.KeyRPCCacheControl, wire.KeyVary, wire.KeyCacheGroups:
		return true
	}
	return false
}

func (s source) invalidation(md protoreflect.MethodDescriptor, inv *freshetv1.InvalidationRule, safe bool) *Groups {
	if safe {
		s.fault("invalidates", "a method without side effects invalidates nothing")
	}
	if len(inv.GetGroups()) == 0 && !s.unread("invalidates.groups") {
		s.fault("invalidates.groups", "missing: name at least one group")
	}
	return s.groups("invalidates.groups", md, inv.GetGroups())
}

// refuseExcludedGroups keeps invalidations exact: requests that differ only in
// an excluded field share one entry, which can be in the group of just one of
// them.
func (s source) refuseExcludedGroups(r *Rule) {
	for _, t := range r.Groups.templates {
		for _, p := range t.paths() {
			for _, x := range r.excluded {
				if !p.response && x.covers(p.fieldPath) {
					s.fault(index("cache.groups", t.index), "field %q is in key_exclude: an entry would be in the group of one request and answer others", p.text)
				}
			}
		}
	}
}
