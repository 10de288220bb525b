package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/golang/protobuf/ptypes/any"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

var gate = make(chan struct{})

func failure(stream grpc.ServerStream) error {
	stream.SetTrailer(metadata.Pairs("x-trailing", "trailing text", "x-trailing-bin", "\x00\x01\xFE\xFF"))
	return status.FromProto(&spb.Status{Code: int32(codes.FailedPrecondition), Message: "precondition ü % not met",
		Details: []*any.Any{{TypeUrl: "example.com/oracle", Value: []byte{0, 1, 0xFE, 0xFF}}}}).Err()
}

func send(stream grpc.ServerStream, message []byte) error { return stream.SendMsg(&message) }

func echo(stream grpc.ServerStream) error {
	for {
		var message []byte
		if err := stream.RecvMsg(&message); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := send(stream, message); err != nil {
			return err
		}
	}
}

func failLate(stream grpc.ServerStream) error {
	var message []byte
	if err := stream.RecvMsg(&message); err != nil {
		return err
	}
	if err := send(stream, message); err != nil {
		return err
	}
	return failure(stream)
}

func headers(stream grpc.ServerStream) error {
	received, _ := metadata.FromIncomingContext(stream.Context())
	value := func(key string) string {
		if values := received.Get(key); len(values) > 0 {
			return values[0]
		}
		return ""
	}
	text, data := value("x-text"), value("x-data-bin")
	if err := stream.SendHeader(metadata.Pairs("x-text", text, "x-data-bin", data)); err != nil {
		return err
	}
	return send(stream, []byte(text+" "+hex.EncodeToString([]byte(data))))
}

func source(stream grpc.ServerStream) error {
	var request []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	var count, size int
	fmt.Sscan(string(request), &count, &size)
	for i := 0; i < count; i++ {
		if err := send(stream, pattern(i, size)); err != nil {
			return err
		}
	}
	return nil
}

func sink(stream grpc.ServerStream) error {
	count, bytes := 0, 0
	for {
		var message []byte
		if err := stream.RecvMsg(&message); err == io.EOF {
			return send(stream, []byte(fmt.Sprintf("%d %d", count, bytes)))
		} else if err != nil {
			return err
		}
		count++
		bytes += len(message)
	}
}

func heldSink(stream grpc.ServerStream) error {
	if err := send(stream, nil); err != nil {
		return err
	}
	<-gate
	return sink(stream)
}

func wait(stream grpc.ServerStream) error {
	if err := send(stream, nil); err != nil {
		return err
	}
	<-stream.Context().Done()
	emit(map[string]interface{}{"event": "cancelled"})
	return status.FromContextError(stream.Context().Err()).Err()
}

func deadline(stream grpc.ServerStream) error {
	if at, ok := stream.Context().Deadline(); ok {
		return send(stream, []byte(fmt.Sprint(time.Until(at).Milliseconds())))
	}
	return send(stream, []byte("none"))
}

func testService() *grpc.ServiceDesc {
	methods := map[string]func(grpc.ServerStream) error{
		"Echo": echo, "Fail": failure, "FailLate": failLate, "Headers": headers, "Source": source, "Sink": sink,
		"HeldSink": heldSink, "Wait": wait, "Deadline": deadline,
		"EarlyOk": func(grpc.ServerStream) error { return nil },
	}
	service := &grpc.ServiceDesc{ServiceName: "oracle.Test", HandlerType: (*interface{})(nil)}
	for name, method := range methods {
		method := method
		service.Streams = append(service.Streams, grpc.StreamDesc{StreamName: name, ServerStreams: true,
			ClientStreams: true, Handler: func(_ interface{}, stream grpc.ServerStream) error { return method(stream) }})
	}
	return service
}

func runServer(o options) {
	limit := o.number("max-message", 100<<20)
	milliseconds := func(name string, fallback int) time.Duration {
		return time.Duration(o.number(name, fallback)) * time.Millisecond
	}
	settings := []grpc.ServerOption{grpc.MaxRecvMsgSize(limit), grpc.MaxSendMsgSize(limit),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime: milliseconds("min-ping-ms", 60000), PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time: milliseconds("ping-ms", 7200000), Timeout: milliseconds("ping-timeout-ms", 20000)})}
	if config := o.tlsConfig(); config != nil {
		settings = append(settings, grpc.Creds(credentials.NewTLS(config)))
	}
	server := grpc.NewServer(settings...)
	server.RegisterService(testService(), struct{}{})
	listener, err := net.Listen("tcp", "127.0.0.1:"+o.text("port", "0"))
	check(err)
	go server.Serve(listener)
	emit(map[string]interface{}{"event": "ready", "port": listener.Addr().(*net.TCPAddr).Port})

	for commands := bufio.NewScanner(os.Stdin); commands.Scan(); {
		switch commands.Text() {
		case "resume":
			close(gate)
		case "graceful":
			go func() {
				server.GracefulStop()
				emit(map[string]interface{}{"event": "drained"})
			}()
		case "stop":
			server.Stop()
		}
	}
	os.Exit(0)
}
