# The logs of E123ABC456DEF into edgetally-logs-123456789012. Deliveries live in us-east-1.
provider "aws" {
  alias  = "edgetally"
  region = "us-east-1"
}

resource "aws_cloudwatch_log_delivery_source" "edgetally" {
  provider     = aws.edgetally
  name         = "edgetally-E123ABC456DEF"
  log_type     = "ACCESS_LOGS"
  resource_arn = "arn:aws:cloudfront::123456789012:distribution/E123ABC456DEF"
}

resource "aws_cloudwatch_log_delivery_destination" "edgetally" {
  provider      = aws.edgetally
  name          = "edgetally-6efbad41b743-w3c"
  output_format = "w3c"

  delivery_destination_configuration {
    destination_resource_arn = "arn:aws:s3:::edgetally-logs-123456789012/cloudfront"
  }
}

resource "aws_cloudwatch_log_delivery" "edgetally" {
  provider                 = aws.edgetally
  delivery_source_name     = aws_cloudwatch_log_delivery_source.edgetally.name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.edgetally.arn

  s3_delivery_configuration {
    suffix_path                 = "{DistributionId}/{yyyy}/{MM}/{dd}/{HH}"
    enable_hive_compatible_path = false
  }

  record_fields = [
    "timestamp(ms)",
    "x-edge-location",
    "sc-bytes",
    "cs-method",
    "cs-uri-stem",
    "sc-status",
    "cs(Referer)",
    "cs(User-Agent)",
    "x-edge-result-type",
    "x-host-header",
    "cs-protocol",
    "cs-bytes",
    "time-taken",
    "ssl-protocol",
    "x-edge-response-result-type",
    "cs-protocol-version",
    "time-to-first-byte",
    "x-edge-detailed-result-type",
    "sc-content-type",
    "origin-fbl",
    "origin-lbl",
    "c-country",
    "cache-behavior-path-pattern",
  ]
}
