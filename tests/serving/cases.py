"""What TF Serving answers to what is wrong: (method, path, body, HTTP status, part of the message).

From http_rest_api_handler.cc, http_rest_api_util.cc, json_tensor.cc, get_model_status_impl.cc and the server's tests.
The model is `captcha`, its version 1, its images 96x64 or another size.
"""

PREDICT = "/v1/models/captcha:predict"

REFUSALS = [
    ("GET", "/v1/foo", "", 400, "Malformed request: GET /v1/foo"),
    ("POST", "/v1/foo", "", 400, "Malformed request: POST /v1/foo"),
    ("GET", "/v1/models", "", 400, "Missing model name in request."),
    ("POST", "/v1/models", "", 400, "Malformed request: POST /v1/models"),
    ("GET", "/v1/models/foo:predict", "", 400, "Malformed request: GET /v1/models/foo:predict"),
    ("PUT", PREDICT, "", 400, f"Malformed request: PUT {PREDICT}"),
    ("POST", "/v1/models/foo/version/50:regress", "", 400, "Malformed request: POST"),
    ("POST", "/v1/models/foo/versions/HELLO:regress", "", 400, "Malformed request: POST"),
    ("POST", f"/v1/models/foo/versions/{2**64 - 1}:regress", "", 400, "Failed to convert version"),
    ("POST", f"/v1/models/foo/versions/{'9' * 5000}:regress", "", 400, "Failed to convert version"),
    ("GET", "/v1/models/foo", "", 404, "Could not find any versions of model foo"),
    ("GET", "/v1/models/captcha/versions/9", "", 404, "Could not find version 9 of model captcha"),
    ("GET", "/v1/models/foo/metadata", "", 404, "Servable not found for request: Latest(foo)"),
    ("DELETE", "/v1/models/captcha", "", 400, "Malformed request: DELETE"),
    ("GET", "/v1/models/captcha?a=b", "", 404, "Could not find any versions of model captcha?a=b"),
    ("POST", f"{PREDICT}?a=b", "", 400, f"Malformed request: POST {PREDICT}?a=b"),
    ("GET", "/v1/models/foo/labels/stable", "", 404, "Could not find any versions of model foo"),
    ("GET", "/v1/models/captcha/labels/none/metadata", "", 400, "Unrecognized servable version label: none"),
    ("POST", "/v1/models/captcha/labels/none:predict", '{"instances": [1]}', 400, "Unrecognized servable version"),
    ("POST", "/v1/models/captcha:classify", '{"examples": [{}]}', 400, ""),
    ("POST", "/v1/models/captcha:regress", '{"examples": [{}]}', 400, ""),
    ("POST", "/v1/models/captcha:regress", '{"examples": [{}], "signature_name": "none"}', 400, ""),
    ("POST", "/v1/models/captcha:classify", '{"examples": []}', 400, ""),
    ("POST", "/v1/models/foo:classify", '{"examples": [{}]}', 404, "Servable not found for request: Latest(foo)"),
    ("POST", "/v1/models/foo:classify", '{"examples": 1}', 400, ""),
    ("POST", "/v1/models/foo:regress", "{", 400, "JSON Parse error: "),
    ("POST", "/v1/models/foo:predict", '{"instances": [1]}', 404, "Servable not found for request: Latest(foo)"),
    (
        "POST",
        "/v1/models/captcha/versions/99:predict",
        '{"instances": [1]}',
        404,
        "Servable not found for request: Specific(captcha, 99)",
    ),
    ("POST", PREDICT, "", 400, "JSON Parse error: The document is empty"),
    ("POST", PREDICT, "instances = [1, 2]", 400, "JSON Parse error: "),
    ("POST", PREDICT, "{", 400, "JSON Parse error: "),
    ("POST", PREDICT, "[1]", 400, "Is not object"),
    ("POST", PREDICT, "{}", 400, "Missing 'inputs' or 'instances' key"),
    ("POST", PREDICT, '{"instances": "a"}', 400, "Expecting 'instances' to be an list/array"),
    ("POST", PREDICT, '{"instances": []}', 400, "No values in 'instances' array"),
    ("POST", PREDICT, '{"instances": [1, 2]}', 400, "is not of expected type: string"),
    ("POST", PREDICT, '{"instances": ["a", ["b"]]}', 400, "Failed to process element: 1 of 'instances' list."),
    ("POST", PREDICT, '{"instances": [{"b64": "###"}]}', 400, "Unable to base64 decode"),
    ("POST", PREDICT, '{"instances": [{"other": "a"}]}', 400, "does not have named input: other"),
    ("POST", PREDICT, '{"instances": [{"b64": "aGk=="}]}', 400, "Unable to base64 decode"),
    ("POST", PREDICT, '{"inputs": {"other": "a"}}', 400, "Missing named input: image_bytes in 'inputs' object."),
    (
        "POST",
        PREDICT,
        '{"signature_name": "none", "instances": [1]}',
        400,
        'Serving signature name: "none" not found in signature def',
    ),
]
