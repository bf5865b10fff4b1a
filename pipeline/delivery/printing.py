"""The same delivery as a template, for those who change nothing by hand."""

from pipeline.delivery.attach import SUFFIX, Wish


def cloudformation(wish: Wish, arn: str) -> str:
    """Return a CloudFormation template of the delivery of the distribution of an ARN.

    It must be deployed in us-east-1, whatever the bucket's region is.
    """
    fields = "\n".join(f'        - "{name}"' for name in wish.fields)
    return f"""\
# The logs of {wish.distribution} into {wish.stack.bucket}. Deploy it in us-east-1.
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Source:
    Type: AWS::Logs::DeliverySource
    Properties:
      Name: {wish.source_name}
      ResourceArn: {arn}
      LogType: ACCESS_LOGS
  Destination:
    Type: AWS::Logs::DeliveryDestination
    Properties:
      Name: {wish.destination_name}
      DestinationResourceArn: {wish.place}
      OutputFormat: {wish.format}
  Delivery:
    Type: AWS::Logs::Delivery
    DependsOn: Source
    Properties:
      DeliverySourceName: {wish.source_name}
      DeliveryDestinationArn: !GetAtt Destination.Arn
      S3SuffixPath: "{SUFFIX}"
      S3EnableHiveCompatiblePath: false
      RecordFields:
{fields}
"""


def terraform(wish: Wish, arn: str) -> str:
    """Return the Terraform resources of the delivery of the distribution of an ARN."""
    fields = "\n".join(f'    "{name}",' for name in wish.fields)
    return f"""\
# The logs of {wish.distribution} into {wish.stack.bucket}. Deliveries live in us-east-1.
provider "aws" {{
  alias  = "edgetally"
  region = "us-east-1"
}}

resource "aws_cloudwatch_log_delivery_source" "edgetally" {{
  provider     = aws.edgetally
  name         = "{wish.source_name}"
  log_type     = "ACCESS_LOGS"
  resource_arn = "{arn}"
}}

resource "aws_cloudwatch_log_delivery_destination" "edgetally" {{
  provider      = aws.edgetally
  name          = "{wish.destination_name}"
  output_format = "{wish.format}"

  delivery_destination_configuration {{
    destination_resource_arn = "{wish.place}"
  }}
}}

resource "aws_cloudwatch_log_delivery" "edgetally" {{
  provider                 = aws.edgetally
  delivery_source_name     = aws_cloudwatch_log_delivery_source.edgetally.name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.edgetally.arn

  s3_delivery_configuration {{
    suffix_path                 = "{SUFFIX}"
    enable_hive_compatible_path = false
  }}

  record_fields = [
{fields}
  ]
}}
"""
