"""Prices of AWS, in dollars: us-east-1, on demand, without any free allowance, as known in 2026-11.
They were not read from the pages in the run: before you rely on a sum, compare them.

https://aws.amazon.com/lambda/pricing/ (arm64), /sqs/pricing/, /dynamodb/pricing/on-demand/,
/s3/pricing/, /api-gateway/pricing/ (REST), /secrets-manager/pricing/, /cloudwatch/pricing/,
/xray/pricing/, /athena/pricing/. Where a price has steps, it is that of the first.
"""

DATE = "2026-11"

LAMBDA_GB_SECOND = 0.0000133334
LAMBDA_REQUEST = 0.20 / 1e6
SQS_REQUEST = 0.40 / 1e6
WRITE_UNIT = 0.625 / 1e6
READ_UNIT = 0.125 / 1e6
TABLE_GB_MONTH = 0.25
TABLE_BACKUP_GB_MONTH = 0.20
S3_GET = 0.0004 / 1000
S3_LIST = 0.005 / 1000
S3_GB_MONTH = 0.023
API_REQUEST = 3.50 / 1e6
SECRET_MONTH = 0.40
METRIC_MONTH = 0.30
LOGS_GB = 0.50
TRACE = 5.00 / 1e6
ATHENA_TB = 5.00

ALLOWANCES = {
    "Lambda": 400_000 * LAMBDA_GB_SECOND + 1e6 * LAMBDA_REQUEST,
    "SQS": 1e6 * SQS_REQUEST,
    "DynamoDB storage": 25 * TABLE_GB_MONTH,
    "CloudWatch metrics": 10 * METRIC_MONTH,
    "CloudWatch logs": 5 * LOGS_GB,
    "X-Ray": 100_000 * TRACE,
}
"""Dollars a month of what is always free, by part: https://aws.amazon.com/free/"""
