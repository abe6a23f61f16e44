// Package conformance pins what the end-to-end suite of Kubernetes is built from; its test program is built by go test -c.
package conformance

import _ "k8s.io/kubernetes/test/e2e"
