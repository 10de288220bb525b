// The grpc-go library as the other end of tests/rpc; tests/oracles/README.md says what it understands.
package main

import (
	"encoding/json"
	"fmt"
	"io/ioutil"
	"os"
	"strconv"
	"sync"

	"crypto/tls"
	"crypto/x509"

	"google.golang.org/grpc/encoding"
)

// Messages are plain bytes; registered under the default's name, it is used by both roles.
type rawCodec struct{}

func (rawCodec) Name() string                          { return "proto" }
func (rawCodec) Marshal(v interface{}) ([]byte, error) { return *v.(*[]byte), nil }
func (rawCodec) Unmarshal(data []byte, v interface{}) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

// `--name value` pairs of the command line.
type options map[string]string

func (o options) number(name string, fallback int) int {
	if n, err := strconv.Atoi(o[name]); err == nil {
		return n
	}
	return fallback
}

func (o options) has(name string) bool { _, ok := o[name]; return ok }

func (o options) text(name, fallback string) string {
	if o.has(name) {
		return o[name]
	}
	return fallback
}

// Nil without --cert: plaintext.
func (o options) tlsConfig() *tls.Config {
	if !o.has("cert") {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(o["cert"], o["key"])
	check(err)
	ca, err := ioutil.ReadFile(o["ca"])
	check(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: pool, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert}
}

var printing sync.Mutex

// One JSON object per line, whichever goroutine prints it.
func emit(line map[string]interface{}) {
	printing.Lock()
	defer printing.Unlock()
	text, err := json.Marshal(line)
	check(err)
	fmt.Println(string(text))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Byte i of message `index` is (index * 31 + i * 7) mod 256: a shift, a loss and a swap all show.
func pattern(index, size int) []byte {
	content := make([]byte, size)
	value := byte(index * 31)
	for i := range content {
		content[i] = value
		value += 7
	}
	return content
}

func main() {
	encoding.RegisterCodec(rawCodec{})
	o := options{}
	for i := 2; i+1 < len(os.Args); i += 2 {
		o[os.Args[i][2:]] = os.Args[i+1]
	}
	switch {
	case len(os.Args) > 1 && os.Args[1] == "server":
		runServer(o)
	case len(os.Args) > 1 && os.Args[1] == "client":
		runClient(o)
	default:
		fmt.Fprintln(os.Stderr, "usage: grpc_go_oracle server|client [--option value]..., see tests/oracles/README.md")
		os.Exit(2)
	}
}
