package subset

import "strings"

// maxDigits bounds an ordinal to what fits an int on every machine.
const maxDigits = 8

// Identity takes a host name apart as Kubernetes makes them for the pods of a
// StatefulSet: "web-12" and "web-12.web.shop.svc.cluster.local" are "web", 12.
// Without a number of 1 to 8 digits after a last hyphen of the first label the
// client is the whole host, and the ordinal is -1.
func Identity(host string) (client string, ordinal int) {
	label, _, _ := strings.Cut(host, ".")
	hyphen := strings.LastIndexByte(label, '-')
	if hyphen < 1 {
		return host, -1
	}
	digits := label[hyphen+1:]
	if len(digits) == 0 || len(digits) > maxDigits {
		return host, -1
	}
	for _, d := range []byte(digits) {
		if d < '0' || d > '9' {
			return host, -1
		}
		ordinal = ordinal*10 + int(d-'0')
	}
	return label[:hyphen], ordinal
}
