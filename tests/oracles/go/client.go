package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	_ "unsafe" // for go:linkname

	"github.com/golang/protobuf/proto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// The library refuses to ping more often than every 10 s; tests of the remote's enforcement cannot wait that long.
//
//go:linkname keepaliveMinPingTime google.golang.org/grpc/internal.KeepaliveMinPingTime
var keepaliveMinPingTime time.Duration

type outcome struct {
	err               error
	received, bytes   int
	damaged           bool
	last              []byte
	initial, trailing metadata.MD
}

func (o *outcome) add(message []byte, check bool) {
	if check && !bytes.Equal(message, pattern(o.received, len(message))) {
		o.damaged = true
	}
	o.received++
	o.bytes += len(message)
	o.last = nil
	if len(message) <= 1000 {
		o.last = message
	}
}

func flatten(md metadata.MD) map[string]string {
	flat := map[string]string{}
	for key, values := range md {
		flat[key] = values[0]
		if strings.HasSuffix(key, "-bin") {
			flat[key] = hex.EncodeToString([]byte(values[0]))
		}
	}
	return flat
}

func (o *outcome) report() {
	s := status.Convert(o.err)
	var details []byte
	if s != nil && len(s.Proto().GetDetails()) > 0 {
		details, _ = proto.Marshal(s.Proto())
	}
	emit(map[string]interface{}{"event": "done", "code": int(s.Code()), "message": s.Message(),
		"details": hex.EncodeToString(details), "received": o.received, "bytes": o.bytes, "intact": !o.damaged,
		"last": hex.EncodeToString(o.last), "initial": flatten(o.initial), "trailing": flatten(o.trailing)})
}

type client struct {
	options
	connection     *grpc.ClientConn
	method         string
	count, size    int
	resume, finish chan struct{}
}

func (c *client) context() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	if c.has("timeout-ms") {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(c.number("timeout-ms", 0))*time.Millisecond)
	}
	if c.has("header") {
		pair := strings.SplitN(c.options["header"], "=", 2)
		ctx = metadata.AppendToOutgoingContext(ctx, pair[0], pair[1])
	}
	return ctx, cancel
}

func (c *client) message(index int) []byte {
	if c.has("text") {
		return []byte(c.options["text"])
	}
	return pattern(index, c.size)
}

func (c *client) open(ctx context.Context) (grpc.ClientStream, error) {
	return c.connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, c.method)
}

// Reads to the end of the stream.
func (c *client) drain(stream grpc.ClientStream, result *outcome) {
	check := !c.has("text") || strings.HasSuffix(c.method, "Source")
	for {
		var message []byte
		if err := stream.RecvMsg(&message); err != nil {
			if err != io.EOF {
				result.err = err
			}
			break
		}
		result.add(message, check)
	}
	result.initial, _ = stream.Header()
	result.trailing = stream.Trailer()
}

func (c *client) exchange(hold bool) *outcome {
	result := &outcome{}
	ctx, cancel := c.context()
	defer cancel()
	stream, err := c.open(ctx)
	if err != nil {
		result.err = err
		return result
	}
	go func() {
		for i := 0; i < c.count; i++ {
			message := c.message(i)
			if stream.SendMsg(&message) != nil {
				return
			}
		}
		stream.CloseSend()
	}()
	if hold {
		emit(map[string]interface{}{"event": "open"})
		<-c.resume
	}
	c.drain(stream, result)
	return result
}

func (c *client) unary() *outcome {
	result := &outcome{}
	ctx, cancel := c.context()
	defer cancel()
	request, response := c.message(0), []byte(nil)
	result.err = c.connection.Invoke(ctx, c.method, &request, &response, grpc.Header(&result.initial),
		grpc.Trailer(&result.trailing))
	if result.err == nil {
		result.add(response, !c.has("text"))
	}
	return result
}

func (c *client) many() *outcome {
	sum := &outcome{}
	var mutex sync.Mutex
	var running sync.WaitGroup
	for i := 0; i < c.number("streams", 1); i++ {
		running.Add(1)
		go func() {
			defer running.Done()
			one := c.exchange(false)
			mutex.Lock()
			defer mutex.Unlock()
			sum.received += one.received
			sum.bytes += one.bytes
			sum.damaged = sum.damaged || one.damaged
			if one.err != nil {
				sum.err = one.err
			}
		}()
	}
	running.Wait()
	return sum
}

func (c *client) cancel() *outcome {
	sum := &outcome{}
	for i := 0; i < c.count; i++ {
		ctx, cancel := c.context()
		stream, err := c.open(ctx)
		if err != nil {
			cancel()
			sum.err = err
			return sum
		}
		sent, message := pattern(i, c.size), []byte(nil)
		if stream.SendMsg(&sent) == nil && stream.RecvMsg(&message) == nil {
			sum.add(message, true)
		}
		cancel()
		sum.err = stream.RecvMsg(&message)
	}
	return sum
}

func (c *client) idle() *outcome {
	result := &outcome{}
	ctx, cancel := c.context()
	defer cancel()
	stream, err := c.open(ctx)
	if err != nil {
		result.err = err
		return result
	}
	go func() {
		<-c.finish
		stream.CloseSend()
	}()
	emit(map[string]interface{}{"event": "open"})
	c.drain(stream, result)
	return result
}

func (c *client) readCommands() {
	for commands := bufio.NewScanner(os.Stdin); commands.Scan(); {
		switch commands.Text() {
		case "resume":
			close(c.resume)
		case "finish":
			close(c.finish)
		}
	}
	os.Exit(0)
}

func dial(o options) (*grpc.ClientConn, error) {
	keepaliveMinPingTime = time.Millisecond
	limit := o.number("max-message", 100<<20)
	settings := []grpc.DialOption{grpc.WithBlock(), grpc.WithInsecure(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(limit), grpc.MaxCallSendMsgSize(limit))}
	if config := o.tlsConfig(); config != nil {
		settings[1] = grpc.WithTransportCredentials(credentials.NewTLS(config))
	}
	if o.has("ping-ms") {
		settings = append(settings, grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time:                time.Duration(o.number("ping-ms", 0)) * time.Millisecond,
			Timeout:             time.Duration(o.number("ping-timeout-ms", 20000)) * time.Millisecond,
			PermitWithoutStream: true}))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return grpc.DialContext(ctx, o["target"], settings...)
}

func runClient(o options) {
	c := &client{options: o, method: o.text("method", "/oracle.Test/Echo"), count: o.number("count", 1),
		size: o.number("size", 0), resume: make(chan struct{}), finish: make(chan struct{})}
	go c.readCommands()
	connection, err := dial(o)
	if err != nil {
		emit(map[string]interface{}{"event": "done", "code": 14, "message": "not connected"})
		return
	}
	c.connection = connection
	scenarios := map[string]func() *outcome{"unary": c.unary, "many": c.many, "cancel": c.cancel, "idle": c.idle,
		"call": func() *outcome { return c.exchange(false) }, "hold": func() *outcome { return c.exchange(true) }}
	scenarios[o.text("scenario", "call")]().report()
}
