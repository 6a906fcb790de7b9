package target

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

const (
	maxName  = 253 // RFC 1035, section 2.3.4, without the length octets
	maxLabel = 63
)

// Address checks a host and a port, and returns them in the one form in which
// two spellings of an address are equal: an IP address in its shortest text
// (RFC 5952, section 4), the port in decimal. A host name is returned as it is
// written; whoever dials it resolves it.
//
// It accepts "host:port", "192.0.2.1:port" and "[2001:db8::1]:port" with a port
// from 1 to 65535. A host name has letters, digits, hyphens and underscores in
// labels of 1 to 63 bytes, at most 253 in all. Its last label is no number,
// since such a name is an IPv4 address misspelt.
func Address(s string) (string, error) {
	if s == "" {
		return "", errors.New("must be host:port, got nothing")
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		reason := err
		if addr, ok := errors.AsType[*net.AddrError](err); ok {
			reason = errors.New(addr.Err)
		}
		return "", fmt.Errorf("must be host:port: %w", reason)
	}
	host, err = checkHost(host)
	if err != nil {
		return "", err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", fmt.Errorf("port must be between 1 and 65535, got %q", shorten(port))
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}

// AuthorityOf returns the :authority of a server at an address that [Address]
// returned: the address without an IPv6 zone, which has no meaning to anybody
// but this host (RFC 6874, section 1).
func AuthorityOf(address string) string {
	before, zone, zoned := strings.Cut(address, "%")
	if !zoned {
		return address
	}
	return before + zone[strings.LastIndexByte(zone, ']'):]
}

// checkAuthority accepts a host with or without a port, as RFC 3986, section
// 3.2 has it, without user information.
func checkAuthority(s string) error {
	if strings.Contains(s, "%") {
		return errors.New("must be host or host:port, without percent signs")
	}
	if _, err := Address(s); err == nil {
		return nil
	}
	host := s
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if host, ok = strings.CutSuffix(inner, "]"); !ok || !strings.Contains(host, ":") {
			return errors.New("must be host or host:port")
		}
	} else if strings.Contains(s, ":") {
		_, err := Address(s)
		return err
	}
	_, err := checkHost(host)
	return err
}

func checkHost(host string) (string, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		if zone := ip.Zone(); zone != "" && !isLabel(strings.ReplaceAll(zone, ".", "-")) { // eth0.100 is an interface
			return "", fmt.Errorf("zone %q must be 1 to %d letters, digits, '-', '_' and '.'", shorten(zone), maxLabel)
		}
		return ip.Unmap().String(), nil // ::ffff:10.0.0.1 is dialled as 10.0.0.1
	}
	name := strings.TrimSuffix(host, ".")
	labels := strings.Split(name, ".")
	switch {
	case name == "":
		return "", errors.New("host must not be empty")
	case strings.Contains(host, ":"):
		return "", fmt.Errorf("host %q is no IPv6 address", shorten(host))
	case len(name) > maxName:
		return "", fmt.Errorf("host must have at most %d bytes, got %d", maxName, len(name))
	case isNumber(labels[len(labels)-1]):
		return "", fmt.Errorf("host %q is no IPv4 address", shorten(host))
	}
	for _, label := range labels {
		if !isLabel(label) {
			return "", fmt.Errorf("host %q must have labels of 1 to %d letters, digits, '-' and '_', got %q",
				shorten(host), maxLabel, shorten(label))
		}
	}
	return host, nil
}

func isLabel(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= maxLabel
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
