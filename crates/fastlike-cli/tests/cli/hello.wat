;; Logs to the endpoint "access", prints a line to both outputs, and answers "hello\n".
(module
  (import "fastly_http_resp" "new" (func $resp_new (param i32) (result i32)))
  (import "fastly_http_resp" "send_downstream" (func $send (param i32 i32 i32) (result i32)))
  (import "fastly_http_body" "new" (func $body_new (param i32) (result i32)))
  (import "fastly_http_body" "write" (func $body_write (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_log" "endpoint_get" (func $endpoint_get (param i32 i32 i32) (result i32)))
  (import "fastly_log" "write" (func $log_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; 0: response, 4: body, 8: a count, 12: endpoint
  (data (i32.const 32) "hello\n")
  (data (i32.const 64) "access")
  (data (i32.const 96) "one\ntwo")
  (data (i32.const 128) "to stdout\n")
  (data (i32.const 160) "to stderr\n")
  (data (i32.const 192) "\80\00\00\00\0a\00\00\00") ;; stdout's iovec: 128, 10
  (data (i32.const 200) "\a0\00\00\00\0a\00\00\00") ;; stderr's iovec: 160, 10
  (func (export "_start")
    (drop (call $endpoint_get (i32.const 64) (i32.const 6) (i32.const 12)))
    (drop (call $log_write (i32.load (i32.const 12)) (i32.const 96) (i32.const 7) (i32.const 8)))
    (drop (call $fd_write (i32.const 1) (i32.const 192) (i32.const 1) (i32.const 8)))
    (drop (call $fd_write (i32.const 2) (i32.const 200) (i32.const 1) (i32.const 8)))
    (drop (call $resp_new (i32.const 0)))
    (drop (call $body_new (i32.const 4)))
    (drop (call $body_write (i32.load (i32.const 4)) (i32.const 32) (i32.const 6) (i32.const 0) (i32.const 8)))
    (drop (call $send (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 0)))))
